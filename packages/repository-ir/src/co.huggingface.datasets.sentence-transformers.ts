import { defineDataset, huggingFace, typed } from "@datamaestro/dataset"

const REPOSITORY = "sentence-transformers/msmarco-hard-negatives"
const DATA_FILE = "msmarco-hard-negatives-msmarco.jsonl.gz"

export const hardNegatives = defineDataset({
  id: "co.huggingface.datasets.sentence-transformers.msmarco-hard-negatives.ensemble",
  name: "MS MARCO hard negatives (sentence-transformers)",
  description:
    "For training queries of MS MARCO, passages that answer them, and others that several retrieval systems took for answers; gzipped, a JSON object a line, with ids only.",
  url: `https://huggingface.co/datasets/${REPOSITORY}`,
  tags: ["pairwise"],
  tasks: ["learning to rank"],
  // Left compressed: what reads such files on the Hub expects it so.
  resources: { dataset: huggingFace(REPOSITORY, DATA_FILE, { gunzip: false }) },
  describe: ({ dataset }) =>
    typed("HuggingFacePairwiseSampleDataset", {
      path: dataset,
      repo_id: REPOSITORY,
      data_files: DATA_FILE,
      split: "train",
      streaming: false,
    }),
})
