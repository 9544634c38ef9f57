import { Repository } from "@datamaestro/dataset"

/** Datasets of images. */
export class ImageRepository extends Repository {
  static override readonly NAMESPACE = "image"
  static override readonly DESCRIPTION = "Datasets of images"
  static override readonly datasets = {
    "com.lecun.mnist": async () => (await import("./com.lecun.mnist.ts")).mnist,
  }
}
