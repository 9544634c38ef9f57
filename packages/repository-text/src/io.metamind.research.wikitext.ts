import { defineDataset, md5, rawFile, trainingText, zip } from "@datamaestro/dataset"

export const wikitext2raw = defineDataset({
  id: "io.metamind.research.wikitext.2.raw",
  name: "WikiText-2 raw",
  description:
    "Good and featured articles of the English Wikipedia, 2 million words, as they were written: no word is replaced by a token for unknown ones.",
  tags: ["text"],
  tasks: ["language modeling"],
  license: "CC BY-SA",
  resources: {
    // The bucket that first served it has refused everyone since 2024; this is its author's own copy.
    data: zip("https://wikitext.smerity.com/wikitext-2-raw-v1.zip", {
      integrity: md5("f407a2d53283fc4a49bcff21bc5f3770"),
    }),
  },
  describe: ({ data }) =>
    trainingText({
      train: rawFile(data.join("wiki.train.raw")),
      validation: rawFile(data.join("wiki.valid.raw")),
      test: rawFile(data.join("wiki.test.raw")),
    }),
})
