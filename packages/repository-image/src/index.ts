import { Repository } from "@datamaestro/dataset"

/** Datasets of images. */
export class ImageRepository extends Repository {
  static override readonly NAMESPACE = "image"
  static override readonly DESCRIPTION = "Datasets of images"
  static override readonly datasets = {
    "com.lecun.mnist": async () => (await import("./com.lecun.mnist.ts")).mnist,
    "hk.edu.cuhk.ie.mmlab.celeba": async () => (await import("./hk.edu.cuhk.ie.mmlab.celeba.ts")).celeba,
    "org.visualgenome.annotations": async () => (await import("./org.visualgenome.ts")).annotations,
    "org.visualgenome.question-answering": async () => (await import("./org.visualgenome.ts")).questionAnswering,
    "uk.ac.cam.cl.facedb": async () => (await import("./uk.ac.cam.cl.facedb.ts")).facedb,
  }
}
