import { file, step } from "@datamaestro/dataset"
import { expect } from "chai"
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure } from "../../fixtures/extraction.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"

describe("a preparation whose lock was taken over while its process slept", () => {
  let setup: PreparationSetup
  eachPreparation((made) => (setup = made), { "/words": { body: "words" } })

  it("places nothing of what it has made, and leaves the lock to its new holder", async () => {
    const lease = join(setup.root, ".state.lease")
    const takeOver = (): void => {
      const holder = JSON.parse(readFileSync(lease, "utf8")) as object
      writeFileSync(`${lease}.new`, `${JSON.stringify({ ...holder, token: "another" })}\n`)
      renameSync(`${lease}.new`, lease)
    }
    let sleeps = true
    const dataset = thingOf({
      words: file(setup.origin.at("/words")),
      made: step({
        from: ["words"],
        name: "made.txt",
        async run({ output }) {
          await Promise.resolve()
          if (sleeps) takeOver()
          writeFileSync(output, "made")
        },
      }),
    })
    const options = prepareOptions(setup.home.path)
    const error = await failure(prepareDataset(dataset, options))
    expect(error.code).to.equal("STORAGE_FAILED")
    expect(error.message).to.contain('Cannot finish "org.example.thing": another process took over its lock')
    expect(existsSync(join(setup.root, "made.txt"))).to.equal(false)
    expect(readFileSync(lease, "utf8")).to.contain('"another"')

    rmSync(lease)
    sleeps = false
    await prepareDataset(dataset, options)
    expect(readFileSync(join(setup.root, "made.txt"), "utf8")).to.equal("made")
  })
})
