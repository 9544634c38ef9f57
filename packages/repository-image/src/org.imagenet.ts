import { defineDataset, file, folder, manual, rawFile, tar, typed } from "@datamaestro/dataset"

export const imagenet = defineDataset({
  id: "org.imagenet",
  name: "ImageNet",
  description:
    "Pictures of things, sorted by the nouns of WordNet. Images are handed out to people with an account who accept the terms; annotations and attributes are where the site had them around 2019, and may be gone.",
  url: "http://www.image-net.org/",
  resources: {
    annotations: tar("http://image-net.org/Annotation/Annotation.tar.gz", { into: "annotations" }),
    attributes: file("http://image-net.org/downloads/attributes/attrann.mat"),
    images: manual("http://image-net.org/download-imageurls", {
      instructions:
        "sign in, accept the terms of access, take the archives that you need, and extract them into a folder",
    }),
  },
  describe: ({ annotations, attributes, images }) =>
    typed("Base", { annotations: folder(annotations), attributes: rawFile(attributes), images: folder(images) }),
})
