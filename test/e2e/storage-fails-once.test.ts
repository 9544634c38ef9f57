import { expect } from "chai"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { cacheKey } from "../../packages/agent/src/store/cache-key.ts"
import { holderName, thisHolder } from "../../packages/agent/src/store/lock-holder.ts"
import { tarGzArchive } from "../fixtures/tar-archive.ts"
import { zipArchive } from "../fixtures/zip-archive.ts"
import type { CommandRun } from "../helpers/command-line.ts"
import type { Fault } from "../helpers/faulty-storage.ts"
import { startStorageLab, type StorageLab } from "../helpers/storage-lab.ts"

const ERRORS: readonly NonNullable<Fault["error"]>[] = ["EIO", "ENOSPC", "EDQUOT"]
/** There are some 450 operations of storage in one preparation. */
const LAST = 480
const STEP = 17

/** A file, transformed and not, and archives, which are extracted in another thread. */
const CONTENTS: Readonly<Record<string, string>> = {
  "a/one": "1".repeat(3000),
  "a/deep/two": "2",
  "b/three": "3".repeat(2000),
  "b/four": "4",
  "c.txt": "c".repeat(40_000),
  "d.txt": "d",
}

describe("storage that fails once while a dataset is prepared", function () {
  this.timeout(480_000)
  let lab: StorageLab

  beforeEach(async function () {
    const started = await startStorageLab()
    if (started === undefined) return this.skip()
    lab = started
    const { origin } = lab
    const of = (name: string): string => CONTENTS[name] ?? ""
    const tar = ["a/one", "a/deep/two"].map((name) => ({ name, content: of(name) }))
    const zip = ["b/three", "b/four"].map((name) => ({ name, content: of(name) }))
    origin.route("/a.tar.gz", { body: tarGzArchive(tar) })
    origin.route("/b.zip", { body: zipArchive(zip) })
    origin.route("/c.gz", { body: gzipSync(of("c.txt")) })
    origin.route("/d", { body: of("d.txt") })
    await lab.addRepository(
      "once",
      `import { Repository, defineDataset, file, folder, gunzip, rawFile, tar, zip } from "@datamaestro/dataset"
      export class MyRepository extends Repository {
        static NAMESPACE = "once"
        static DESCRIPTION = "Of each kind one"
        static datasets = { "org.example.all": () => defineDataset({
          id: "org.example.all",
          resources: {
            a: tar("${origin.url}/a.tar.gz"), b: zip("${origin.url}/b.zip"),
            c: file("${origin.url}/c.gz", { name: "c.txt", transforms: [gunzip()] }), d: file("${origin.url}/d", { name: "d.txt" }),
          },
          describe: ({ a, b, c, d }) => ({ a: folder(a), b: folder(b), c: rawFile(c), d: rawFile(d) }),
        }) }
      }`,
    )
  })
  afterEach(() => lab?.close())

  const prepare = (fault?: Fault): Promise<CommandRun> => lab.prepare("org.example.all", fault)
  const names = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []
  const place = (): string => join(lab.data, "data/once/org/example/all")
  /** What is at its final place, with what it is. */
  const visible = (): Record<string, string> =>
    Object.fromEntries(
      Object.keys(CONTENTS)
        .filter((name) => existsSync(join(place(), name)))
        .map((name) => [name, readFileSync(join(place(), name), "utf8")]),
    )

  it("at any operation: it is told as what it is, nothing half is to be seen, and the next run finishes", async () => {
    let failed = 0
    for (let at = 1; at <= LAST; at += STEP) {
      rmSync(lab.data, { recursive: true, force: true })
      const error = ERRORS[Math.floor(at / STEP) % ERRORS.length] ?? "EIO"
      const first = await prepare({ error, prefix: lab.data, at })
      const told = `${error} at operation ${at}: ${first.stderr}`
      expect(first.status, told).to.be.oneOf([0, 6])
      if (first.status === 6) failed++
      for (const [name, content] of Object.entries(visible())) expect(content, told).to.equal(CONTENTS[name])
      const second = await prepare()
      expect(second.status, `${told}\nthen ${second.stderr}`).to.equal(0)
      expect(visible(), told).to.deep.equal(CONTENTS)
      // A lock that could not be given back is told, and of a dead process.
      const left = names(lab.data).filter(
        (name) => /\.(tmp|lock|lease|use)$|\.downloads/.test(name) && !first.stderr.includes(name),
      )
      expect(left, told).to.deep.equal([])
    }
    expect(failed).to.be.greaterThan(5)
  })

  it("while a download is marked as read, or no longer: a mark that stays is told", async () => {
    // The unfinished part's name begins alike.
    const mark = `${cacheKey(`${lab.origin.url}/d`)}.${holderName(await thisHolder()).split(".")[0]}`
    let left = 0
    for (let at = 1; left === 0 && at <= 40; at++) {
      rmSync(lab.data, { recursive: true, force: true })
      const { status, stderr } = await prepare({ error: "ENOSPC", prefix: join(lab.data, "cache", mark), at })
      expect(status, stderr).to.be.oneOf([0, 6])
      for (const name of names(join(lab.data, "cache")).filter((each) => each.endsWith(".use"))) {
        expect(stderr).to.contain(`/${name}": no space left`)
        left++
      }
    }
    expect(left).to.equal(1)
  })

  for (const file of [".manifest.json", ".state.json"]) {
    it(`between placing and recording in ${file}: what was downloaded does not stay in the cache for ever`, async () => {
      for (let at = 1; at <= 24; at++) {
        rmSync(lab.data, { recursive: true, force: true })
        const first = await prepare({ error: "EIO", prefix: join(place(), file), at })
        expect(first.status, first.stderr).to.be.oneOf([0, 6])
        const second = await prepare()
        expect(second.status, second.stderr).to.equal(0)
        expect(names(join(lab.data, "cache")), `EIO at operation ${at}: ${first.stderr}`).to.deep.equal([])
        if (first.status === 0) break
      }
    })
  }
})
