import { defineDataset, file, md5, supervised, typed, type SymbolicPath } from "@datamaestro/dataset"

const BASE = "https://raw.githubusercontent.com/aagohary/canard/refs/heads/master/data/release"

const part = (name: string, sum: string) => file(`${BASE}/${name}.json`, { name: `${name}.json`, integrity: md5(sum) })
const rewritten = (path: SymbolicPath): { path: SymbolicPath } => typed("CanardDataset", { path })

export const canard = defineDataset({
  id: "com.github.aagohary.canard",
  name: "CANARD",
  description:
    "40 000 questions of the conversations in QuAC, each rewritten by a person so that it is understood without what was said before.",
  url: "https://sites.google.com/view/qanta/projects/canard",
  tasks: ["query rewriting"],
  resources: {
    TRAIN: part("train", "73624ac646fb81e09b0fd7f01370ada3"),
    DEV: part("dev", "c84525631a83bc771c58ff31f4a9b601"),
    TEST: part("test", "3fc14d0078e7a5056f5da571728f024e"),
  },
  describe: ({ TRAIN, DEV, TEST }) =>
    supervised({ train: rewritten(TRAIN), validation: rewritten(DEV), test: rewritten(TEST) }),
})
