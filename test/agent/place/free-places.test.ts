import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { freePlaces } from "../../../packages/agent/src/place/free-places.ts"
import { carryOut } from "../../../packages/agent/src/place/placement.ts"
import { temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { writeFiles } from "../../fixtures/preparation.ts"

const MANY = Array.from({ length: 40 }, (_, index) => `${index}.txt`)

describe("the places of an archive's many entries", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())

  it("are free where no entry has their name, nor one that some file system takes for it", async () => {
    writeFiles(home.path, { README: "", "stra\u00dfe/x": "", "caf\u00e9": "", "\ufb01le": "" })
    const taken = ["README", "readme", "STRASSE", "strasse", "cafe\u0301", "CAFE\u0301", "file"]
    const isFree = await freePlaces(home.path, [...MANY, ...taken])
    expect(MANY.every(isFree)).to.equal(true)
    expect(taken.filter(isFree)).to.deep.equal([])
    expect(isFree("new/x.txt")).to.equal(false)
  })

  it("are looked at one by one where they are few", async () => {
    const isFree = await freePlaces(home.path, ["a", "b"])
    expect(isFree("a")).to.equal(false)
  })

  it("get them from every point in between, replacing what is there", async () => {
    const placement = {
      plan: "p",
      moves: MANY.map((name) => ({ from: `tree/${name}`, to: name })),
      stale: [],
      record: { time: "", entries: MANY, files: [] },
    }
    for (const done of [0, 1, 20, 40]) {
      const root = join(home.path, String(done))
      const work = join(root, ".downloads/w")
      mkdirSync(join(work, "tree"), { recursive: true })
      for (const [index, name] of MANY.entries()) {
        writeFiles(
          index < done ? root : join(work, "tree"),
          index % 3 === 0 ? { [name]: "new" } : { [`${name}/f`]: "new" },
        )
        if (index >= done && index % 5 === 0) writeFiles(root, { [`${name}/f`]: "old", [`${name}/g`]: "old" })
        else if (index >= done && index % 7 === 0) writeFiles(root, { [name]: "old" })
      }
      await carryOut(work, root, placement)
      for (const [index, name] of MANY.entries()) {
        if (index % 3 === 0) expect(readFileSync(join(root, name), "utf8")).to.equal("new")
        else expect(tree(join(root, name))).to.deep.equal({ f: "new" })
      }
    }
  })
})
