import { defineDataset, file, md5, typed } from "@datamaestro/dataset"

export const documents = defineDataset({
  id: "org.facebook.kilt.documents",
  name: "KILT knowledge source",
  description: "The 5.9 million articles of Wikipedia that KILT's tasks rest on, a JSON object a line, with ids.",
  url: "https://github.com/facebookresearch/KILT",
  tags: ["collection", "document"],
  size: "35GB",
  resources: {
    DOCUMENTS: file("http://dl.fbaipublicfiles.com/KILT/kilt_knowledgesource.json", {
      integrity: md5("d1dca62aa6ba889d2e842182e3114af5", "download"),
      size: 37_318_876_722,
    }),
  },
  describe: ({ DOCUMENTS }) => typed("KiltDocumentStore", { path: DOCUMENTS }),
})
