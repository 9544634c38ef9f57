import { defineDataset, md5, tar, typed } from "@datamaestro/dataset"

export const robust04 = defineDataset({
  id: "ca.uwaterloo.jimmylin.anserini.robust04",
  name: "Anserini index Robust04",
  description:
    "A Lucene index of TREC disks 4 and 5 (without the Congressional Record), built by Anserini, with positions, document vectors and the raw documents. The documents are licensed: the agreement is with NIST.",
  tags: ["collection"],
  agreement: { id: "ca.uwaterloo.jimmylin.anserini.robust04", url: "https://trec.nist.gov/data/cd45/index.html" },
  resources: {
    index: tar("https://git.uwaterloo.ca/jimmylin/anserini-indexes/raw/master/index-robust04-20191213.tar.gz", {
      integrity: md5("15f3d001489c97849a010b0a4734d018"),
    }),
  },
  describe: ({ index }) =>
    typed("Index", {
      path: index,
      storePositions: true,
      storeDocvectors: true,
      storeRaw: true,
      storeContents: false,
      stemmer: "porter",
    }),
})
