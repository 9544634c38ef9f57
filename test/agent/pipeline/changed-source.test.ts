import { defineDataset, file } from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { startOrigin } from "../../helpers/origin.ts"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

describe("a download without a declared sum", () => {
  it("is recorded, and told when a later one differs", async () => {
    const origin = await startOrigin()
    const home = temporaryFolder()
    try {
      const dataset = resolved(
        defineDataset({
          id: "org.example.thing",
          resources: { words: file(origin.at("/words.txt")) },
          describe: (symbols) => ({ ...symbols }) as never,
        }),
      )
      const prepare = async (): Promise<string[]> => {
        const options = prepareOptions(home.path, { force: true })
        await prepareDataset(dataset, options)
        return options.events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))
      }
      origin.route("/words.txt", { body: "first" })
      expect(await prepare()).to.deep.equal([])
      expect(await prepare()).to.deep.equal([])
      origin.route("/words.txt", { body: "second" })
      const [notice = ""] = await prepare()
      expect(notice).to.include(sha256("first")).and.include(sha256("second")).and.include(origin.at("/words.txt"))
      const folder = join(home.path, "data/test/org/example/thing")
      expect(readFileSync(join(folder, "words.txt"), "utf8")).to.equal("second")
      const manifest = JSON.parse(readFileSync(join(folder, ".manifest.json"), "utf8")) as {
        resources: Record<string, { download: string }>
      }
      expect(Object.values(manifest.resources).map(({ download }) => download)).to.deep.equal([sha256("second")])
    } finally {
      await origin.close()
      home.remove()
    }
  })
})
