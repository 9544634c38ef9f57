import { mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { Manifest } from "../../../packages/agent/src/store/manifest.ts"
import { DatasetState } from "../../../packages/agent/src/store/state.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { writeFiles } from "../../fixtures/preparation.ts"

describe("a dataset's state and manifest", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())
  const read = (name: string) => JSON.parse(readFileSync(join(home.path, name), "utf8")) as unknown

  it("knows nothing of a folder without files", async () => {
    const state = await DatasetState.read(join(home.path, "none"))
    expect(state.of("a")).to.equal(undefined)
    expect((await Manifest.read(join(home.path, "none"))).record("a")).to.equal(undefined)
    expect(state.of("constructor")).to.equal(undefined)
  })

  it("writes what Python datamaestro reads, keeps what it does not know, and leaves no temporary files", async () => {
    writeFiles(home.path, { ".state.json": '{"resources": {"a": {"state": "none", "note": 1}}, "extra": true}' })
    const state = await DatasetState.read(home.path)
    await Promise.all([
      state.set("a", "partial"),
      state.set("b", "complete"),
      state.set("a", "complete"),
      state.set("c", "none"),
    ])
    expect(read(".state.json")).to.deep.equal({
      version: 1,
      resources: { a: { state: "complete", note: 1 }, b: { state: "complete" }, c: { state: "none" } },
      extra: true,
    })
    expect(readdirSync(home.path)).to.deep.equal([".state.json"])
    expect((await DatasetState.read(home.path)).of("b")).to.equal("complete")
  })

  it("leaves to nobody else's write what it could not write itself", async () => {
    const path = join(home.path, ".state.json")
    const state = await DatasetState.read(home.path)
    await state.set("a", "partial")
    rmSync(path)
    mkdirSync(path)
    const failed = failure(state.set("a", "complete"))
    const other = failed.then(() => rmdirSync(path)).then(() => state.set("b", "complete"))
    expect(await failed).to.have.property("code", "STORAGE_FAILED")
    await other
    expect(read(".state.json"))
      .to.have.property("resources")
      .that.deep.equals({
        a: { state: "partial" },
        b: { state: "complete" },
      })
  })

  it("records and forgets resources in the manifest", async () => {
    const manifest = await Manifest.read(home.path)
    const record = {
      time: "2026-01-01T00:00:00.000Z",
      entries: ["a"],
      files: [{ path: "a", bytes: 1, sha256: "00" }],
      mine: 1,
    }
    await manifest.set("a", record)
    await manifest.set("b", undefined)
    expect(read(".manifest.json")).to.deep.equal({ version: 1, resources: { a: record } })
    expect((await Manifest.read(home.path)).record("a")).to.deep.equal(record)
    await manifest.set("a", undefined)
    expect(read(".manifest.json")).to.deep.equal({ version: 1, resources: {} })
  })

  it("refuses damaged and newer files, naming the place, and never overwrites them", async () => {
    for (const [name, text, place] of [
      [".state.json", "", "line 1, column 1"],
      [".state.json", '{"version": 1,\n "resources": {"a": {"state": 3}}}', "line 2"],
      [".manifest.json", '{"resources": {"a": {}}}', "line 1"],
      [".manifest.json", '{"version": 2}', "its version is 2"],
      [".state.json", '{"resources": []}', "line 1, column 15: resources: must be an object, not a list"],
      [".manifest.json", '{"resources": []}', "line 1, column 15: resources: must be an object, not a list"],
    ] as const) {
      writeFiles(home.path, { [name]: text })
      const error = await failure(name === ".state.json" ? DatasetState.read(home.path) : Manifest.read(home.path))
      expect([error.code, error.exitStatus]).to.deep.equal(["MALFORMED_SETTINGS", 6])
      expect(error.message).to.contain(join(home.path, name)).and.to.contain(place)
      expect(readFileSync(join(home.path, name), "utf8")).to.equal(text)
    }
  })

  it("is there as soon as it is written, whatever is to be written after it", async () => {
    const folder = join(home.path, "dataset")
    writeFiles(folder, { ".state.json": "{}" })
    const state = await DatasetState.read(folder)
    await state.set("a", "partial")
    rmSync(folder, { recursive: true })
    const other = state.set("b", "complete").catch((error: { code: string }) => error.code)
    await state.set("a", "partial")
    expect(await other).to.equal("ENOENT")
  })

  it("tells when it can't be written", async () => {
    writeFiles(home.path, { file: "" })
    const state = await DatasetState.read(join(home.path, "file", "below")).catch(
      (error: { code: string }) => error.code,
    )
    expect(state).to.equal("STORAGE_FAILED")
  })
})
