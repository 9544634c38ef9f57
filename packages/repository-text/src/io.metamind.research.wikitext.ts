import { defineDataset, md5, rawFile, trainingText, zip } from "@datamaestro/dataset"

// The bucket that first served these has refused everyone since 2024; this is their author's own copy.
const HOST = "https://wikitext.smerity.com"

export const wikitext2tokens = tokens(2, "2 million", "542ccefacc6c27f945fb54453812b3cd")
export const wikitext2raw = raw(2, "2 million", "f407a2d53283fc4a49bcff21bc5f3770")
export const wikitext103tokens = tokens(103, "103 million", "9ddaacaf6af0710eda8c456decff7832")
export const wikitext103raw = raw(103, "103 million", "0ca3512bd7a238be4a63ce7b434f8935")

function tokens(version: number, words: string, sum: string) {
  return wikitext({
    id: `io.metamind.research.wikitext.${version}.tokens`,
    name: `WikiText-${version}`,
    description: `Good and featured articles of the English Wikipedia, ${words} words, split into tokens; rare words are replaced by <unk>.`,
    url: `${HOST}/wikitext-${version}-v1.zip`,
    sum,
    suffix: "tokens",
  })
}

function raw(version: number, words: string, sum: string) {
  return wikitext({
    id: `io.metamind.research.wikitext.${version}.raw`,
    name: `WikiText-${version} raw`,
    description: `Good and featured articles of the English Wikipedia, ${words} words, as they were written: no word is replaced by a token for unknown ones.`,
    url: `${HOST}/wikitext-${version}-raw-v1.zip`,
    sum,
    suffix: "raw",
  })
}

function wikitext(set: { id: string; name: string; description: string; url: string; sum: string; suffix: string }) {
  return defineDataset({
    id: set.id,
    name: set.name,
    description: set.description,
    tags: ["text"],
    tasks: ["language modeling"],
    license: "CC BY-SA",
    resources: { data: zip(set.url, { integrity: md5(set.sum) }) },
    describe: ({ data }) =>
      trainingText({
        train: rawFile(data.join(`wiki.train.${set.suffix}`)),
        validation: rawFile(data.join(`wiki.valid.${set.suffix}`)),
        test: rawFile(data.join(`wiki.test.${set.suffix}`)),
      }),
  })
}
