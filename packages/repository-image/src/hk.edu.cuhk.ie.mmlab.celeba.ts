import { defineDataset, typed } from "@datamaestro/dataset"

export const celeba = defineDataset({
  id: "hk.edu.cuhk.ie.mmlab.celeba",
  name: "CelebA",
  description:
    "202 599 pictures of the faces of celebrities, each with 40 attributes and 5 landmarks. This entry only tells of it: its keepers hand it out through services that want a person, so there is nothing to prepare.",
  url: "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
  tags: ["celebrities", "image"],
  resources: {},
  describe: () => typed("Base", {}),
})
