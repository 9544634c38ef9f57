import { defineDataset, md5, supervised, tar, textClassificationFolder } from "@datamaestro/dataset"

const CLASSES = ["neg", "pos"]

export const aclimdb = defineDataset({
  id: "edu.stanford.aclimdb",
  name: "IMDB reviews (aclImdb)",
  description:
    "50 000 film reviews from IMDB, clearly positive or clearly negative, half to learn from and half to be tested on, each a text file in the folder of its class.",
  url: "http://ai.stanford.edu/~amaas/data/sentiment/",
  resources: {
    data: tar("http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", {
      integrity: md5("7c2ac02c03563afcf9b574c7e56c153a"),
    }),
  },
  describe: ({ data }) =>
    supervised({
      train: textClassificationFolder(data.join("train"), CLASSES),
      test: textClassificationFolder(data.join("test"), CLASSES),
    }),
})
