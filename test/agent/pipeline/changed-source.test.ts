import { file } from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

describe("a download without a declared sum", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup))

  const prepare = async (): Promise<string[]> => {
    const options = prepareOptions(home.path, { force: true })
    await prepareDataset(thingOf({ words: file(origin.at("/words.txt")) }), options)
    return options.events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))
  }

  it("is recorded, and told when a later one differs", async () => {
    origin.route("/words.txt", { body: "first" })
    expect(await prepare()).to.deep.equal([])
    expect(await prepare()).to.deep.equal([])
    origin.route("/words.txt", { body: "second" })
    const [notice = ""] = await prepare()
    expect(notice).to.include(sha256("first")).and.include(sha256("second")).and.include(origin.at("/words.txt"))
    expect(readFileSync(join(root, "words.txt"), "utf8")).to.equal("second")
    const manifest = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
      resources: Record<string, { download: string }>
    }
    expect(Object.values(manifest.resources).map(({ download }) => download)).to.deep.equal([sha256("second")])
  })
})
