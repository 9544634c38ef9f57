import { defineDataset, md5, tar, typed } from "@datamaestro/dataset"

export const documents = defineDataset({
  id: "gov.nist.trec.car.documents",
  name: "TREC CAR v2.0 paragraphs",
  description:
    "The 30 million paragraphs of Wikipedia that TREC's Complex Answer Retrieval track searches, as CBOR, with ids.",
  url: "http://trec-car.cs.unh.edu/datareleases/",
  tags: ["collection", "passage"],
  size: "7.1GB",
  resources: {
    // Readers look for the top folder, paragraphCorpus.
    documents: tar("http://trec-car.cs.unh.edu/datareleases/v2.0/paragraphCorpus.v2.0.tar.xz", {
      strip: 0,
      integrity: md5("a404e9256d763ddcacc3da1e34de466a"),
      size: 5_085_726_092,
    }),
  },
  describe: ({ documents: data }) => typed("CarParagraphStore", { path: data, count: 29_794_697 }),
})
