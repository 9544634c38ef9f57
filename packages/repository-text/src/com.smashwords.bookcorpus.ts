import { defineDataset, md5, tar, typed } from "@datamaestro/dataset"

export const bookcorpus = defineDataset({
  id: "com.smashwords.bookcorpus",
  name: "BookCorpus",
  description:
    "Text of about 11 000 books that their authors published themselves at Smashwords, lower case, a sentence a line.",
  url: "https://yknzhu.wixsite.com/mbweb",
  tags: ["English", "books", "text"],
  tasks: ["language modeling"],
  size: "4.3G",
  resources: {
    folder: tar("https://storage.googleapis.com/huggingface-nlp/datasets/bookcorpus/bookcorpus.tar.bz2", {
      integrity: md5("5c906ede3c5265f8934b62c275a754bc"),
    }),
  },
  describe: ({ folder }) => typed("TextFolder", { path: folder }),
})
