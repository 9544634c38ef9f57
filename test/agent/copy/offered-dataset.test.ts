import { defineDataset, folder, tar } from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { execFileSync } from "node:child_process"
import { rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { OfferedDataset } from "../../../packages/agent/src/copy/offered-dataset.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure } from "../../fixtures/extraction.ts"
import { knownPace, type KnownPace } from "../../fixtures/known-pace.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarArchive, type TarMember } from "../../fixtures/tar-archive.ts"

describe("a dataset that is offered to another machine", () => {
  let { origin, home } = {} as PreparationSetup
  let members: TarMember[]
  eachPreparation((setup) => {
    ;({ origin, home } = setup)
    members = [
      { name: "a.txt", content: "a" },
      { name: "sub/b.txt", content: "b" },
      { name: "sub/l", type: "2", linkname: "b.txt" },
    ]
    origin.route("/thing.tar", { body: tarArchive(members) })
  })

  const prepared = async () => {
    const dataset = resolved(
      defineDataset({
        id: "org.example.thing",
        resources: { data: tar(origin.at("/thing.tar"), { strip: 0 }) },
        describe: ({ data }) => ({ all: folder(data) }),
      }),
    )
    const options = prepareOptions(home.path)
    await prepareDataset(dataset, options)
    return () => OfferedDataset.read(dataset, options.paths, options.signal)
  }
  const place = (name: string): string => join(home.path, "data/test/org/example/thing", name)

  it("has what was recorded of it, and nothing that somebody added", async () => {
    const offer = await prepared()
    for (const name of ["sub/a.txt", "sub/c.txt"]) writeFileSync(place(name), "added")
    symlinkSync("/scratch/large", place("sub/large"))
    const { description } = await offer()
    expect(description.resources["data"]?.files.map(({ path }) => path)).to.deep.equal(["a.txt", "sub/b.txt"])
    expect(description.resources["data"]?.links).to.deep.equal([{ path: "sub/l", to: "b.txt" }])
  })

  it("tells where it came from, and what its download was", async () => {
    const { description } = await (await prepared())()
    expect(description.resources["data"]).to.deep.include({
      source: origin.at("/thing.tar"),
      download: createHash("sha256").update(tarArchive(members)).digest("hex"),
      entries: ["a.txt", "sub"],
    })
  })

  it("tells what lies in the place of a file", async () => {
    const offer = await prepared()
    const others: [string, () => void][] = [
      ["it is missing", () => {}],
      ["it is no file", () => execFileSync("mkfifo", [place("sub/b.txt")])],
      ["it is no file", () => symlinkSync("b.txt", place("sub/b.txt"))],
      ["it has 2 bytes, wanted 1", () => writeFileSync(place("sub/b.txt"), "bb")],
    ]
    for (const [reason, make] of others) {
      rmSync(place("sub/b.txt"), { force: true })
      make()
      const error = await failure(offer())
      expect([error.code, error.message]).to.deep.equal(["CORRUPT", `Cannot copy "${place("sub/b.txt")}": ${reason}`])
    }
  })

  for (const slow of [false, true]) {
    describe(`is read where storage is ${slow ? "slow" : "quick"}`, () => {
      let pace: KnownPace
      beforeEach(() => (pace = knownPace(slow)))
      afterEach(() => pace.restore())

      const content = (bytes: number): string => "0123456789".repeat(bytes / 10)
      const offered = async (files: Record<string, string>) => {
        members.push(...Object.entries(files).map(([name, text]) => ({ name, content: text })))
        origin.route("/thing.tar", { body: tarArchive(members) })
        return (await prepared())()
      }
      const read = async (offer: OfferedDataset, paths: string[], offset: number, length: number): Promise<string> =>
        (await offer.read(paths, offset, length)).toString()

      it("one file behind the other, from an offset in the first on", async () => {
        const offer = await offered({ "c.txt": "gamma", "empty.txt": "" })
        const before = pace.synchronous
        expect(await read(offer, ["c.txt", "empty.txt", "sub/b.txt", "a.txt"], 2, 4)).to.equal("mmab")
        expect(await read(offer, ["c.txt"], 0, 5)).to.equal("gamma")
        expect(pace.synchronous > before).to.equal(!slow)
      })

      it("a large one never synchronously", async () => {
        const offer = await offered({ "large.txt": content(300_000) })
        const before = pace.synchronous
        expect(await read(offer, ["large.txt"], 10, 280_000)).to.equal(content(280_000))
        expect(pace.synchronous).to.equal(before)
      })

      it("up to where a file is shorter than it was: what follows is none of it", async () => {
        const offer = await offered({ "c.txt": "gamma" })
        truncateSync(place("c.txt"), 3)
        expect(await read(offer, ["c.txt", "a.txt"], 1, 5)).to.equal("am")
      })
    })
  }
})
