import { defineDataset, folder, manual } from "@datamaestro/dataset"

const PAGE = "https://www.microsoft.com/en-us/download/details.aspx?id=52419"

export const wikiqa = defineDataset({
  id: "com.microsoft.wikiqa",
  name: "WikiQA",
  description:
    "3 047 questions from Bing's logs, and for each the sentences of a Wikipedia summary, marked whether they answer it.",
  url: PAGE,
  tasks: ["Question Answering"],
  resources: {
    archive: manual(PAGE, {
      name: "WikiQACorpus.zip",
      unpack: "zip",
      instructions: "accept the licence and take WikiQACorpus.zip",
    }),
  },
  describe: ({ archive }) => folder(archive),
})
