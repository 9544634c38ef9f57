import { randomBytes } from "node:crypto"
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { extractInThread } from "../../../packages/agent/src/extract/extract-in-thread.ts"
import type { ExtractedTree } from "../../../packages/agent/src/extract/extract-archive.ts"
import type { Following } from "../../../packages/agent/src/follow/follow-in-thread.ts"
import { provideThreadSource } from "../../../packages/agent/src/threads/thread-source.ts"
import { provideBundledThreads } from "../../fixtures/agent-threads.ts"
import { failure, stepContext, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"
import { until } from "../../helpers/job-lab.ts"

const MIB = 1024 * 1024
const stored = (name: string, content: string | Buffer) => ({ name, content, stored: true })
/** At the end, where a comment of 64 KiB is looked for. */
const last = stored("last", Buffer.alloc(70_000, "x"))

for (const where of ["a thread of its own", "this thread"]) {
  describe(`a zip that is extracted while it comes, in ${where}`, () => {
    let folder: ReturnType<typeof temporaryFolder>
    let part: string
    before(async function () {
      this.timeout(20_000)
      if (where === "this thread") return
      await provideBundledThreads()
    })
    after(() => provideThreadSource(undefined))
    beforeEach(() => {
      folder = temporaryFolder()
      part = join(folder.path, "part")
      writeFileSync(part, "")
    })
    afterEach(() => folder.remove())

    const start = (): Following<ExtractedTree> => {
      const request = {
        kind: "zip" as const,
        archive: "thing.zip",
        output: join(folder.path, "out"),
        selection: { strip: 0 as const },
        verified: true,
      }
      return extractInThread(request, stepContext())
    }
    /** Writes a range to where it belongs; what lacks before it reads as zeros. */
    const write = (bytes: Buffer, from: number, to = bytes.length): void => {
      const fd = openSync(part, "r+")
      writeSync(fd, bytes, from, to - from, from)
      closeSync(fd)
    }
    const out = (name: string): string => join(folder.path, "out", name)
    const endOf = (bytes: Buffer): number => bytes.lastIndexOf("PK\x03\x04")
    const there = async (name: string, content: string): Promise<void> =>
      await until(() => existsSync(out(name)) && readFileSync(out(name), "utf8") === content)
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

    it("has its members as they come, and is done once the download is", async () => {
      const bytes = zipArchive([stored("a", "alpha"), stored("b", "beta"), { name: "c", content: "gamma" }, last])
      const [total, endFrom, second] = [bytes.length, endOf(bytes), bytes.indexOf("PK\x03\x04", 4)]
      const extraction = start()
      let done = false
      void extraction.result.then(() => (done = true))
      write(bytes, 0, second)
      extraction.available({ path: part, bytes: second, total, generation: 0 })
      await turn()
      expect(existsSync(out("a"))).to.equal(false)
      write(bytes, endFrom)
      extraction.available({ path: part, bytes: second, total, endFrom, generation: 0 })
      await there("a", "alpha")
      // Half a header, then half a content.
      for (const more of [10, 33]) {
        write(bytes, second, second + more)
        extraction.available({ path: part, bytes: second + more, total, endFrom, generation: 0 })
        await turn()
      }
      expect(readFileSync(out("a"), "utf8")).to.equal("alpha")
      write(bytes, second)
      renameSync(part, `${part}.dl`)
      extraction.available({ path: `${part}.dl`, bytes: total, total, generation: 0 })
      await there("c", "gamma")
      await turn()
      expect(done).to.equal(false)
      extraction.whole([{ path: `${part}.dl`, bytes: total }])
      const { root, files } = await extraction.result
      expect(tree(root)).to.deep.equal({ a: "alpha", b: "beta", c: "gamma", last: last.content.toString() })
      expect([...files].map(({ path }) => path)).to.deep.equal(["a", "b", "c", "last"])
    })

    it("is taken in the order in which it comes, whatever that of its directory", async () => {
      const bytes = zipArchive([stored("a", "alpha"), stored("b", "beta"), last], { reversed: true })
      const [total, endFrom, second] = [bytes.length, endOf(bytes), bytes.indexOf("PK\x03\x04", 4)]
      const extraction = start()
      write(bytes, 0, second)
      write(bytes, endFrom)
      extraction.available({ path: part, bytes: second, total, endFrom, generation: 0 })
      await there("a", "alpha")
      write(bytes, second)
      extraction.whole([{ path: part, bytes: total }])
      expect(tree((await extraction.result).root))
        .to.include({ a: "alpha", b: "beta" })
        .and.have.all.keys("a", "b", "last")
    })

    it("has of members with one name the last one of its directory, which may come first", async () => {
      const bytes = zipArchive([stored("a", "last"), stored("a", "first"), last], { reversed: true })
      const [total, endFrom] = [bytes.length, endOf(bytes)]
      const extraction = start()
      write(bytes, 0)
      extraction.available({ path: part, bytes: 40, total, endFrom, generation: 0 })
      await turn()
      extraction.whole([{ path: part, bytes: total }])
      expect(tree((await extraction.result).root)).to.include({ a: "last" })
    })

    it("has large members written as they come", async function () {
      this.timeout(10_000)
      const content = randomBytes(9 * MIB)
      const bytes = zipArchive([{ name: "large", content }, last])
      const [total, endFrom] = [bytes.length, endOf(bytes)]
      const extraction = start()
      write(bytes, endFrom)
      for (let at = 0; at < endFrom; at += 3 * MIB) {
        const end = Math.min(endFrom, at + 3 * MIB)
        write(bytes, at, end)
        extraction.available({ path: part, bytes: end, total, endFrom, generation: 0 })
        if (at === 0) await until(() => existsSync(out("large")) && readFileSync(out("large")).length > 0)
      }
      extraction.whole([{ path: part, bytes: total }])
      const { root } = await extraction.result
      expect(readFileSync(join(root, "large")).equals(content)).to.equal(true)
    })

    it("has nothing of a generation that became void, wherever it was", async () => {
      const bytes = zipArchive([stored("a", "alpha"), stored("b", "beta"), last])
      const old = zipArchive([stored("old", "stale"), stored("b", "older"), last])
      const damaged = Buffer.concat([old.subarray(0, old.length - 20), Buffer.alloc(200)])
      for (const [stale, bytesThere] of [
        [old, 0],
        [old, old.indexOf("PK\x03\x04", 4)],
        [old, old.length],
        [damaged, damaged.length],
      ] as const) {
        truncateSync(part, 0)
        const extraction = start()
        write(stale, 0)
        const endFrom = bytesThere === stale.length ? {} : { endFrom: endOf(stale) }
        extraction.available({ path: part, bytes: bytesThere, total: stale.length, ...endFrom, generation: 0 })
        await turn()
        truncateSync(part, 0)
        write(bytes, 0)
        extraction.available({ path: part, bytes: bytes.length, total: bytes.length, generation: 1 })
        // At once, but where it had all or knew of damage: then it waits for the download's verdict.
        if (bytesThere < stale.length) await there("a", "alpha")
        extraction.whole([{ path: part, bytes: bytes.length }])
        expect(tree((await extraction.result).root))
          .to.include({ a: "alpha", b: "beta" })
          .and.have.all.keys("a", "b", "last")
        folder.remove()
        folder = temporaryFolder()
        part = join(folder.path, "part")
        writeFileSync(part, "")
      }
    })

    it("tells what is wrong with it when the download is whole, and not before", async () => {
      const bytes = zipArchive([stored("../evil", "x"), last])
      const [total, endFrom] = [bytes.length, endOf(bytes)]
      const extraction = start()
      let ended = false
      extraction.result.catch(() => (ended = true))
      write(bytes, endFrom)
      extraction.available({ path: part, bytes: 0, total, endFrom, generation: 0 })
      await turn()
      await turn()
      expect(ended).to.equal(false)
      write(bytes, 0)
      extraction.whole([{ path: part, bytes: total }])
      expect((await failure(extraction.result)).code).to.equal("UNSAFE_ARCHIVE")
      expect(existsSync(join(folder.path, "out"))).to.equal(false)
    })

    it("ends and leaves nothing when there is no such download, whatever it waits for", async () => {
      const bytes = zipArchive([stored("a", "alpha"), stored("b", "beta"), last])
      const [total, directory] = [bytes.length, endOf(bytes)]
      // For its end, for the rest of that, for a member.
      for (const told of [{}, { endFrom: total - 22 }, { endFrom: directory }]) {
        const extraction = start()
        write(bytes, 0)
        extraction.available({ path: part, bytes: 50, total, generation: 0, ...told })
        await turn()
        extraction.stop()
        expect((await failure(extraction.result)).code).to.equal("INTERRUPTED")
        expect(existsSync(join(folder.path, "out"))).to.equal(false)
      }
    })
  })
}
