import { defineDataset, file, tar, textFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { prepareDataset } from "../../packages/agent/src/pipeline.ts"
import { judgedQueries } from "../../packages/repository-ir/src/judged-queries.ts"
import { temporaryFolder } from "../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../fixtures/preparation.ts"
import { tarArchive } from "../fixtures/tar-archive.ts"
import { startOrigin } from "../helpers/origin.ts"

describe("the queries that were judged", () => {
  it("are each named once, from TREC's judgements and from BEIR's with their line of names", async () => {
    const home = temporaryFolder()
    const beir = "query-id\tcorpus-id\tscore\r\nq1\td1\t1\r\nq2\td2\t1\r\nq1\td3\t0\r\n"
    const origin = await startOrigin({
      "/qrels.txt": { body: "7 0 d1 1\n3 0 d2 0\n7 0 d3 2\n" },
      "/set.tar": { body: tarArchive([{ name: "set/qrels/test.tsv", content: beir }]) },
    })
    try {
      const definition = defineDataset({
        id: "org.example.judged",
        resources: {
          QRELS: file(origin.at("/qrels.txt")),
          data: tar(origin.at("/set.tar")),
          TREC: judgedQueries("QRELS", "trec.txt"),
          BEIR: judgedQueries("data", "beir.txt", "qrels/test.tsv"),
        },
        describe: ({ TREC }) => textFile(TREC),
      })
      await prepareDataset(resolved(definition), prepareOptions(home.path))
      const text = (name: string): string => readFileSync(join(home.path, "data/test/org/example/judged", name), "utf8")
      expect([text("trec.txt"), text("beir.txt")]).to.deep.equal(["7\n3\n", "q1\nq2\n"])
    } finally {
      await origin.close()
      home.remove()
    }
  })
})
