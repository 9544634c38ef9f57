import { defineDataset, md5, supervised, typed, zip } from "@datamaestro/dataset"

export const qrecc = defineDataset({
  id: "com.github.apple.ml-qrecc",
  name: "QReCC",
  description:
    "14 000 conversations with 80 000 questions, each with a rewriting that stands on its own, an answer, and the web page where that was found.",
  url: "https://github.com/apple/ml-qrecc",
  doi: "https://doi.org/10.48550/arXiv.2010.04898",
  tasks: ["query rewriting"],
  resources: {
    data: zip("https://github.com/apple/ml-qrecc/raw/main/dataset/qrecc_data.zip", {
      integrity: md5("f88fcc7ef3678cd6312080389c8abd67"),
    }),
  },
  describe: ({ data }) =>
    supervised({
      train: typed("QReCCDataset", { path: data.join("qrecc_train.json") }),
      test: typed("QReCCDataset", { path: data.join("qrecc_test.json") }),
    }),
})
