import { Repository } from "@datamaestro/dataset"

/** Datasets of images. */
export class ImageRepository extends Repository {
  static override readonly NAMESPACE = "image"
  static override readonly DESCRIPTION = "Datasets of images"
  static override readonly datasets = {
    "com.lecun.mnist": async () => (await import("./com.lecun.mnist.ts")).mnist,
    "hk.edu.cuhk.ie.mmlab.celeba": async () => (await import("./hk.edu.cuhk.ie.mmlab.celeba.ts")).celeba,
    "org.cocodataset.2014": async () => (await import("./org.cocodataset.ts")).coco2014,
    "org.cocodataset.2015": async () => (await import("./org.cocodataset.ts")).coco2015,
    "org.cocodataset.2017": async () => (await import("./org.cocodataset.ts")).coco2017,
    "org.cocodataset.2017-unlabelled": async () => (await import("./org.cocodataset.ts")).coco2017unlabelled,
    "org.imagenet": async () => (await import("./org.imagenet.ts")).imagenet,
    "org.visualgenome": async () => (await import("./org.visualgenome.ts")).visualgenome,
    "org.visualgenome.annotations": async () => (await import("./org.visualgenome.ts")).annotations,
    "org.visualgenome.question-answering": async () => (await import("./org.visualgenome.ts")).questionAnswering,
    "uk.ac.cam.cl.facedb": async () => (await import("./uk.ac.cam.cl.facedb.ts")).facedb,
  }
}
