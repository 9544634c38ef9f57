import { datafolderPath, defineDataset, file, linkFile, step, tar, textFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { execFileSync } from "node:child_process"
import fs, { readFileSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import promises, { writeFile } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { OfferedDataset } from "../../../packages/agent/src/copy/offered-dataset.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure } from "../../fixtures/extraction.ts"
import { knownPace, type KnownPace } from "../../fixtures/known-pace.ts"
import { prepareOptions, resolved, thingOf, writeFiles } from "../../fixtures/preparation.ts"
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
    const dataset = thingOf({ data: tar(origin.at("/thing.tar"), { strip: 0 }) })
    const options = prepareOptions(home.path)
    await prepareDataset(dataset, options)
    return (signal = options.signal) => OfferedDataset.read(dataset, options.paths, signal)
  }
  const place = (name: string): string => join(home.path, "data/test/org/example/thing", name)

  /** As another version, or program, would have recorded it. */
  const changeManifest = (change: (record: { files: unknown[]; links?: string[] }) => void): void => {
    const manifest = JSON.parse(readFileSync(place(".manifest.json"), "utf8")) as {
      resources: { data: { files: unknown[]; links?: string[] } }
    }
    change(manifest.resources.data)
    writeFileSync(place(".manifest.json"), JSON.stringify(manifest))
  }

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

  it("is none where it is not prepared, nor once nobody wants it any more", async () => {
    const offer = await prepared()
    expect((await failure(offer(AbortSignal.abort()))).code).to.equal("INTERRUPTED")
    rmSync(place(""), { recursive: true })
    const error = await failure(offer())
    expect([error.code, error.exitStatus]).to.deep.equal(["NOT_PREPARED", 7])
  })

  it("reads no file that it does not have", async () => {
    const error = await failure((await (await prepared())()).read(["nothing.txt"], 0, 1))
    expect([error.code, error.message]).to.deep.equal(["NOT_PREPARED", 'Cannot copy "nothing.txt": no manifest has it'])
  })

  it("tells programs, empty folders, and what the server said of it", async () => {
    members.push({ name: "sub/run", content: "#!", mode: 0o755 }, { name: "sub/empty/", type: "5" })
    const lastModified = new Date("2001-02-03T04:05:06Z")
    origin.route("/thing.tar", { body: tarArchive(members), etag: '"one"', lastModified })
    const { data } = (await (await prepared())()).description.resources
    expect(data?.files.filter(({ executable }) => executable).map(({ path }) => path)).to.deep.equal(["sub/run"])
    expect(data?.folders).to.deep.equal(["sub/empty"])
    expect(data).to.include({ etag: '"one"', lastModified: lastModified.toUTCString() })
  })

  it("is told in the order of its names", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `sub/${String.fromCharCode(97 + ((index * 7) % 20))}`)
    members = names.map((name) => ({ name, content: name }))
    origin.route("/thing.tar", { body: tarArchive([...members, { name: "a", content: "a" }]) })
    const { data } = (await (await prepared())()).description.resources
    expect(data?.files.map(({ path }) => path)).to.deep.equal(["a", ...names.sort()])
  })

  it("has the sums that were recorded, of files that are as they were at sight", async () => {
    const offer = await prepared()
    const { mtime } = statSync(place("a.txt"))
    writeFileSync(place("a.txt"), "b")
    utimesSync(place("a.txt"), mtime, mtime)
    const { data } = (await offer()).description.resources
    expect(data?.files[0]?.sha256).to.equal(createHash("sha256").update("a").digest("hex"))
  })

  it("is all that lies there, with their sums, where it was taken over without a list", async () => {
    const offer = await prepared()
    changeManifest((record) => {
      record.files = []
      delete record.links
    })
    // Of another dataset, whose folder is inside.
    writeFiles(place("sub/deeper"), { ".state.json": "{}", "x.txt": "x" })
    writeFileSync(place("sub/c.txt"), "c")
    execFileSync("mkfifo", [place("sub/fifo")])
    const { data } = (await offer()).description.resources
    const sum = (text: string): string => createHash("sha256").update(text).digest("hex")
    expect(data?.files).to.deep.equal([
      { path: "a.txt", bytes: 1, sha256: sum("a") },
      { path: "sub/b.txt", bytes: 1, sha256: sum("b") },
      { path: "sub/c.txt", bytes: 1, sha256: sum("c") },
    ])
    expect(data?.links).to.deep.equal([{ path: "sub/l", to: "b.txt" }])
  })

  it("has what was recorded also below a folder with a name of a dataset's own", async () => {
    members.push({ name: "sub/deeper/.state.json", content: "{}" })
    origin.route("/thing.tar", { body: tarArchive(members) })
    const { data } = (await (await prepared())()).description.resources
    expect(data?.files.map(({ path }) => path)).to.include("sub/deeper/.state.json")
  })

  it("is not what each machine makes of it, nor what is spent", async () => {
    origin.route("/raw.txt", { body: "raw" })
    const dataset = resolved(
      defineDataset({
        id: "org.example.thing",
        resources: {
          raw: file(origin.at("/raw.txt"), { transient: true }),
          made: step({ from: ["raw"], name: "made.txt", run: ({ output }) => writeFile(output, "made") }),
          linked: linkFile(datafolderPath("disks", "one.txt")),
        },
        describe: ({ made, linked }) => ({ made: textFile(made), linked: textFile(linked) }),
      }),
    )
    writeFiles(home.path, { "one.txt": "one" })
    const options = prepareOptions(home.path, { datafolders: { disks: home.path } })
    await prepareDataset(dataset, options)
    const { description } = await OfferedDataset.read(dataset, options.paths, options.signal)
    expect(Object.keys(description.resources)).to.deep.equal(["made"])
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

      it("tells what storage says that fails", async () => {
        const offer = await offered({ "c.txt": "gamma" })
        const { openSync } = fs
        const { open } = promises
        const failing = (): never => {
          throw Object.assign(new Error("EIO"), { code: "EIO", errno: -5 })
        }
        fs.openSync = failing
        promises.open = failing
        syncBuiltinESMExports()
        try {
          expect((await failure(offer.read(["c.txt"], 0, 5))).code).to.equal("STORAGE_FAILED")
        } finally {
          fs.openSync = openSync
          promises.open = open
          syncBuiltinESMExports()
        }
      })

      it("tells which file is not there any more", async () => {
        const offer = await offered({ "c.txt": "gamma" })
        rmSync(place("c.txt"))
        const { code, message } = await failure(offer.read(["c.txt"], 0, 5))
        expect([code, message]).to.deep.equal(["CORRUPT", `Cannot copy "${place("c.txt")}": it is missing`])
      })

      it("up to where a file is shorter than it was: what follows is none of it", async () => {
        const offer = await offered({ "c.txt": "gamma" })
        truncateSync(place("c.txt"), 3)
        expect(await read(offer, ["c.txt", "a.txt"], 1, 5)).to.equal("am")
      })
    })
  }
})
