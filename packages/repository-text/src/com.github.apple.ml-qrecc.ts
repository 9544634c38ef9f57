import { defineDataset, reference, step, typed, wayback } from "@datamaestro/dataset"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"

const PARTS = ["qrecc_train.json", "qrecc_test.json"]

/** The pages that answers were found on, in the order of the questions, each once and without its fragment. */
function pages(questions: readonly { Answer_URL?: unknown }[]): string[] {
  const addresses = questions.flatMap(({ Answer_URL: url }) => {
    if (typeof url !== "string" || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return []
    return url.split("#", 1)
  })
  return [...new Set(addresses)]
}

export const content = defineDataset({
  id: "com.github.apple.ml-qrecc.content",
  name: "QReCC web pages",
  description:
    "The web pages that QReCC's answers were found on, as the Wayback Machine has them of November 2019, a JSON object a line: id (the address), status, content.",
  url: "https://github.com/apple/ml-qrecc",
  doi: "https://doi.org/10.48550/arXiv.2010.04898",
  resources: {
    MAIN: reference({ id: "com.github.apple.ml-qrecc", repository: "ir" }),
    urls: step({
      from: ["MAIN"],
      name: "urls.txt",
      transient: true,
      async run({ input, output, signal }) {
        const texts = await Promise.all(
          PARTS.map((name) => readFile(join(input.MAIN, name), { encoding: "utf8", signal })),
        )
        const found = pages(texts.flatMap((text) => JSON.parse(text) as { Answer_URL?: unknown }[]))
        await writeFile(output, found.map((url) => `${url}\n`).join(""), { signal })
      },
    }),
    WAYBACK_DOCS: wayback("urls", { name: "wayback.jsonl", timestamp: "20191127" }),
  },
  describe: ({ WAYBACK_DOCS }) => typed("LZ4JSONLDocumentStore", { path: WAYBACK_DOCS, lookup_field: "id" }),
})
