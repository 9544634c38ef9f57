import { defineDataset, file, textFile } from "@datamaestro/dataset"

export const english = defineDataset({
  id: "com.oscar-corpus.english",
  name: "OSCAR English",
  description:
    "English text of the web, taken from Common Crawl in November 2018, sorted by language, without duplicate lines, the lines shuffled. The host may ask for an account: put it into ~/.netrc of the data machine.",
  url: "https://oscar-corpus.com/",
  size: "2.3T",
  resources: { FILE: file("https://oscar-public.huma-num.fr/shuffled/en_dedup.txt.gz", { name: "file" }) },
  describe: ({ FILE }) => textFile(FILE),
})
