import { expect } from "chai"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { carryOut, type Placement } from "../../../packages/agent/src/place/placement.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("a placement", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  it("changes nothing where its first move can't be done", async () => {
    const [work, dataset] = [join(folder.path, "work"), join(folder.path, "dataset")]
    mkdirSync(work)
    mkdirSync(dataset)
    const moves = ["a", "b", "c"].map((name) => ({ from: name, to: name }))
    for (const { from } of moves.slice(1)) writeFileSync(join(work, from), from)
    const placement: Placement = { plan: "", moves, stale: [], record: { time: "", entries: [], files: [] } }
    const failure: unknown = await carryOut(work, dataset, placement).catch((error: unknown) => error)
    expect(failure).to.have.property("code", "ENOENT")
    expect(readdirSync(dataset)).to.deep.equal([])
    writeFileSync(join(work, "a"), "a")
    await carryOut(work, dataset, placement)
    expect(readdirSync(dataset).sort()).to.deep.equal(["a", "b", "c"])
  })
})
