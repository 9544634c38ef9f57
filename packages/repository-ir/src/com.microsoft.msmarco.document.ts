import { defineDataset, file, md5, tar, typed } from "@datamaestro/dataset"
import { AGREEMENT, HOST } from "./msmarco.ts"

const FACTS = { tags: ["collection", "document"], agreement: AGREEMENT }

export const documents = defineDataset({
  ...FACTS,
  id: "com.microsoft.msmarco.document.documents",
  name: "MS MARCO documents v1",
  description: "The 3.2 million documents of MS MARCO's document ranking, in the SGML of TREC; gzipped, as it comes.",
  url: "https://microsoft.github.io/msmarco/",
  size: "3.2GB",
  resources: {
    DOCUMENTS: file(`${HOST}/msmarco-docs.trec.gz`, {
      name: "msmarco-docs.trec.gz",
      integrity: md5("d4863e4f342982b51b9a8fc668b2d0c0", "download"),
      size: 8_501_799_926,
    }),
  },
  describe: ({ DOCUMENTS }) => typed("MsMarcoDocumentStore", { path: DOCUMENTS, count: 3_213_835 }),
})

export const documentsV2 = defineDataset({
  ...FACTS,
  id: "com.microsoft.msmarco.documentv2.documents",
  name: "MS MARCO documents v2",
  description: "The 12 million documents of MS MARCO's second document ranking: gzipped files of JSON lines, with ids.",
  url: "https://microsoft.github.io/msmarco/TREC-Deep-Learning.html",
  size: "32GB",
  resources: {
    documents: tar(`${HOST}/msmarco_v2_doc.tar`, {
      integrity: md5("eea90100409a254fdb157b8e4e349deb"),
      size: 34_648_862_720,
    }),
  },
  describe: ({ documents: data }) => typed("MsMarcoDocumentV2Store", { path: data, count: 11_959_635 }),
})
