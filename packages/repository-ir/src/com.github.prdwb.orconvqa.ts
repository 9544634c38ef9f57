import { defineDataset, file, md5, supervised, typed, type SymbolicPath } from "@datamaestro/dataset"

const BASE = "https://ciir.cs.umass.edu/downloads/ORConvQA/preprocessed"

const part = (name: string, sum: string) => file(`${BASE}/${name}.txt`, { name: `${name}.jsonl`, integrity: md5(sum) })
const conversations = (path: SymbolicPath): { path: SymbolicPath } => typed("OrConvQADataset", { path })

export const preprocessed = defineDataset({
  id: "com.github.prdwb.orconvqa.preprocessed",
  name: "ORConvQA (preprocessed)",
  description:
    "Conversations of QuAC with CANARD's rewritten questions, arranged for answering from all of Wikipedia instead of a given passage; a JSON object a line.",
  url: "https://github.com/prdwb/orconvqa-release",
  tasks: ["query rewriting"],
  resources: {
    TRAIN: part("train", "7513a9ef12d8b7a4471166dc4fef77b7"),
    DEV: part("dev", "7765658995cc9ffd5eb39a400d814b20"),
    TEST: part("test", "0cf3a755f06297b9c02e7db45f8dc8be"),
  },
  describe: ({ TRAIN, DEV, TEST }) =>
    supervised({ train: conversations(TRAIN), validation: conversations(DEV), test: conversations(TEST) }),
})
