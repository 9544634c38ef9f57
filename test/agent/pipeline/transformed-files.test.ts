import { createHash, randomBytes } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { decompress, defineDataset, file, md5, rawFile, sha256 } from "@datamaestro/dataset"
import { expect } from "chai"
import { gunzipInThread } from "../../../packages/agent/src/compression/gunzip-in-thread.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { provideThreadSource } from "../../../packages/agent/src/threads/thread-source.ts"
import { provideBundledThreads } from "../../fixtures/agent-threads.ts"
import { failure } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, type PrepareFixture } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

const MIB = 1024 * 1024
const hex = (algorithm: string, bytes: Buffer): string => createHash(algorithm).update(bytes).digest("hex")

for (const where of ["a thread of its own", "this thread"]) {
  describe(`a file that is unpacked while it comes, in ${where}`, function () {
    this.timeout(20_000)
    // Large enough for what it is about: small ones are unpacked when they are there, and here.
    const noise = randomBytes((where === "this thread" ? 6 : 34) * MIB)
    const plain = Buffer.concat([Buffer.alloc(3 * MIB, "words "), noise])
    const packed = gzipSync(plain, { level: 1 })
    let { origin, home } = {} as PreparationSetup
    before(async () => {
      if (where !== "this thread") await provideBundledThreads()
    })
    after(() => provideThreadSource(undefined))
    eachPreparation((setup) => ({ origin, home } = setup))

    type FileOptions = NonNullable<Parameters<typeof file>[1]>
    const prepare = async (given: FileOptions = {}, options = prepareOptions(home.path)): Promise<PrepareFixture> => {
      const dataset = resolved(
        defineDataset({
          id: "org.example.thing",
          resources: { words: file(origin.at("/words.gz"), { name: "words", ...given }) },
          describe: ({ words }) => ({ words: rawFile(words) }),
        }),
      )
      await prepareDataset(dataset, options)
      return options
    }
    const folder = (): string => join(home.path, "data/test/org/example/thing")
    const result = (): Buffer => readFileSync(join(folder(), "words"))
    const visible = (): string[] => readdirSync(folder()).filter((name) => !name.startsWith("."))
    const left = (): string[] => {
      const downloads = join(folder(), ".downloads")
      return existsSync(downloads) ? readdirSync(downloads) : []
    }
    const cached = (ending: string): string[] =>
      readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(ending))
    /** Whether some was written while the size of the download was not known to be right. */
    const wasEarly = ({ events }: PrepareFixture): boolean =>
      events.some((event) => event.phase === "transform" && event.total === undefined)

    it("is what it should be, each sum checked", async () => {
      origin.route("/words.gz", { body: packed, throttle: packed.length })
      const options = await prepare({
        integrity: [md5(hex("md5", plain), "output"), sha256(hex("sha256", packed), "download")],
      })
      expect(result().equals(plain)).to.equal(true)
      expect(wasEarly(options)).to.equal(true)
      expect(left()).to.deep.equal([])
      expect(cached(".dl")).to.deep.equal([])
    })

    it("has a thread that unpacks it before its first bytes are asked for", async () => {
      // One that another test has left waiting would do.
      const nothing = { async *[Symbol.asyncIterator]() {} }
      await gunzipInThread(nothing, { archive: "", signal: new AbortController().signal })
        .next()
        .catch(() => {})
      const asked: number[] = []
      const count = (): void => void asked.push(origin.requests.length)
      process.on("worker", count)
      origin.route("/words.gz", { body: packed })
      await prepare()
      process.off("worker", count)
      expect(asked[0]).to.equal(0)
    })

    it("is unpacked from the cache, where it is kept there", async () => {
      origin.route("/words.gz", { body: packed })
      await prepare({}, prepareOptions(home.path, { fetchOnly: true }))
      expect(visible()).to.deep.equal([])
      await prepare({}, prepareOptions(home.path, { keepDownloads: true }))
      expect(result().equals(plain)).to.equal(true)
      expect(origin.requests).to.have.length(1)
      expect(cached(".dl")).to.have.length(1)
    })

    it("is changed by all of its transforms", async () => {
      const lines = Array.from({ length: packed.length >> 5 }, (_, index) => `line ${index} ${"x".repeat(20)}\n`)
      const text = Buffer.from(lines.join(""))
      origin.route("/words.gz", { body: gzipSync(gzipSync(text, { level: 0 }), { level: 0 }) })
      await prepare({
        transforms: [{ kind: "gunzip" }, decompress(), { kind: "replace", pattern: "^line", replacement: "row" }],
      })
      expect(result().toString()).to.equal(text.toString().replaceAll("line", "row"))
    })

    it("is the new one, when it is cut and another one when it goes on", async () => {
      const others = Buffer.concat([Buffer.alloc(1 * MIB, "other "), noise.subarray(17)])
      const half = Math.floor(packed.length * 0.7)
      origin.route("/words.gz", {
        body: [packed, gzipSync(others, { level: 1 })],
        cutAfter: { bytes: half, times: 1 },
        throttle: packed.length,
      })
      const options = await prepare()
      expect(result().equals(others)).to.equal(true)
      expect(wasEarly(options)).to.equal(true)
      expect(origin.requests.map(({ status }) => status)).to.deep.equal([200, 200])
      expect(left()).to.deep.equal([])
    })

    it("goes on where it was cut", async () => {
      origin.route("/words.gz", { body: packed, cutAfter: { bytes: Math.floor(packed.length / 2), times: 1 } })
      await prepare()
      expect(result().equals(plain)).to.equal(true)
      expect(origin.requests.map(({ status }) => status)).to.deep.equal([200, 206])
    })

    it("is refused where it ends too early at its source; the verdict on the download goes before", async () => {
      const truncated = packed.subarray(0, packed.length - 1000)
      origin.route("/words.gz", { body: truncated })
      const cut = await failure(prepare())
      expect([cut.code, cut.exitStatus]).to.deep.equal(["TRUNCATED", 5])
      expect(cut.message).to.include("words.gz")
      expect(origin.requests).to.have.length(2)
      expect(visible()).to.deep.equal([])
      const other = await failure(prepare({ integrity: sha256(hex("sha256", packed), "download") }))
      expect([other.code, other.exitStatus]).to.deep.equal(["CHECKSUM_MISMATCH", 5])
      expect(other.message).to.include(hex("sha256", truncated))
      // What its author meant is not fetched once more, and not thrown away.
      const before = origin.requests.length
      const meant = await failure(prepare({ integrity: sha256(hex("sha256", truncated), "download") }))
      expect(meant.code).to.equal("TRUNCATED")
      expect(origin.requests.length).to.equal(before + 1)
      expect(cached(".dl")).to.have.length(1)
      expect(visible()).to.deep.equal([])
      expect(left()).to.deep.equal([])
    })

    it("is refused where the output has another sum", async () => {
      origin.route("/words.gz", { body: packed })
      const error = await failure(prepare({ integrity: md5(hex("md5", packed), "output") }))
      expect([error.code, error.exitStatus]).to.deep.equal(["CHECKSUM_MISMATCH", 5])
      expect(error.message).to.include(hex("md5", plain))
      expect(visible()).to.deep.equal([])
      expect(left()).to.deep.equal([])
    })

    it("can be interrupted: what came is kept, and continued", async () => {
      origin.route("/words.gz", { body: packed, throttle: packed.length / 4 })
      const abort = new AbortController()
      const options = prepareOptions(home.path, { signal: abort.signal })
      const progress = options.progress
      options.progress = (event) => {
        progress(event)
        if (event.phase === "transform") abort.abort()
      }
      expect((await failure(prepare({}, options))).code).to.equal("INTERRUPTED")
      expect(wasEarly(options)).to.equal(true)
      expect(visible()).to.deep.equal([])
      expect(left()).to.deep.equal([])
      expect(cached(".tmp")).to.not.be.empty
      origin.route("/words.gz", { body: packed })
      await prepare()
      expect(result().equals(plain)).to.equal(true)
      expect(origin.requests.at(-1)?.status).to.equal(206)
    })
  })
}
