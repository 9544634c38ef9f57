import { defineDataset, file, md5, typed } from "@datamaestro/dataset"

export const passages = defineDataset({
  id: "com.github.prdwb.orconvqa.passages",
  name: "ORConvQA passages",
  description:
    "The 11 million passages of Wikipedia that ORConvQA's questions are answered from, a JSON object a line, with its id.",
  url: "https://github.com/prdwb/orconvqa-release",
  resources: {
    ALL_BLOCKS: file("https://ciir.cs.umass.edu/downloads/ORConvQA/all_blocks.txt.gz", {
      name: "all_blocks.txt",
      integrity: md5("1095a3408690e7bbe4d8a87a2bae6356", "download"),
      size: 5_086_902_800,
    }),
  },
  describe: ({ ALL_BLOCKS }) => typed("OrConvQADocumentStore", { path: ALL_BLOCKS, count: 11_377_951 }),
})
