import { datafolderPath, defineDataset, linkFolder, typed } from "@datamaestro/dataset"

export const clueweb22 = defineDataset({
  id: "com.github.ikat.clueweb22",
  name: "iKAT ClueWeb22 passages",
  description:
    "The 117 million passages of ClueWeb22 that TREC's iKAT searches, in files of JSON lines. ClueWeb22 is licensed and not for download: have ikat_2023_passages_jsonl.sha256sums, ikat_2023_passages_hashes.tsv.bz2 and the files that they name in a folder of the data machine.",
  resources: { documents: linkFolder(datafolderPath("gov.nist.trec.ikat.clueweb22", "jsonl")) },
  describe: ({ documents }) => typed("IKatClueWeb22DocumentStore", { path: documents, count: 116_838_987 }),
})
