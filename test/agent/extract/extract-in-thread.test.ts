import { appendFileSync, existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { extractInThread } from "../../../packages/agent/src/extract/extract-in-thread.ts"
import type { ExtractedTree } from "../../../packages/agent/src/extract/extract-archive.ts"
import type { Following } from "../../../packages/agent/src/follow/follow-in-thread.ts"
import { provideThreadSource } from "../../../packages/agent/src/threads/thread-source.ts"
import { provideBundledThreads } from "../../fixtures/agent-threads.ts"
import { failure, stepContext, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"

const members = [
  { name: "top/a.txt", content: "alpha" },
  { name: "top/b.txt", content: "beta" },
]

for (const where of ["a thread of its own", "this thread"]) {
  describe(`extracting while downloading, in ${where}`, () => {
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
    })
    afterEach(() => folder.remove())

    const start = (signal?: AbortSignal): Following<ExtractedTree> & { events: unknown[] } => {
      const context = stepContext(signal)
      const request = {
        kind: "tar" as const,
        archive: "thing.tar.gz",
        output: join(folder.path, "out"),
        selection: { strip: "auto" as const },
        verified: true,
      }
      return { ...extractInThread(request, context), events: context.events }
    }
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

    it("is done once the download is", async () => {
      const bytes = tarGzArchive(members)
      const half = bytes.length >> 1
      const extraction = start()
      let done = false
      void extraction.result.then(() => (done = true))
      writeFileSync(part, bytes.subarray(0, half))
      extraction.available({ path: part, bytes: half, generation: 0 })
      await turn()
      appendFileSync(part, bytes.subarray(half))
      extraction.available({ path: part, bytes: bytes.length, generation: 0 })
      await turn()
      expect(done).to.equal(false)
      extraction.whole([{ path: part, bytes: bytes.length }])
      const { root, files } = await extraction.result
      expect(tree(root)).to.deep.equal({ "a.txt": "alpha", "b.txt": "beta" })
      expect(Array.from(files, ({ path }) => path)).to.deep.equal(["a.txt", "b.txt"])
      expect(extraction.events).to.not.be.empty
    })

    it("keeps nothing of a generation that became void, however damaged that was", async () => {
      const stale = Buffer.concat([tarGzArchive([{ name: "stale/x", content: "old" }]), Buffer.from("garbage")])
      const bytes = tarGzArchive(members)
      const extraction = start()
      writeFileSync(part, stale)
      extraction.available({ path: part, bytes: stale.length, generation: 0 })
      await turn()
      writeFileSync(part, bytes)
      extraction.available({ path: part, bytes: bytes.length, generation: 1 })
      extraction.whole([{ path: part, bytes: bytes.length }])
      const { root } = await extraction.result
      expect(tree(root)).to.deep.equal({ "a.txt": "alpha", "b.txt": "beta" })
    })

    it("tells what is wrong with the archive, with code, hint and details, and leaves nothing", async () => {
      const bytes = tarGzArchive([{ name: "../evil", content: "x" }])
      const extraction = start()
      writeFileSync(part, bytes)
      extraction.whole([{ path: part, bytes: bytes.length }])
      const error = await failure(extraction.result)
      expect(error.code).to.equal("UNSAFE_ARCHIVE")
      expect(error.hint).to.be.a("string")
      expect(error.details).to.have.property("archive", "thing.tar.gz")
      expect(existsSync(join(folder.path, "out"))).to.equal(false)
    })

    it("ends and leaves nothing when interrupted, or when there is no such download", async () => {
      const bytes = tarGzArchive(members)
      for (const how of ["signal", "stop"]) {
        const abort = new AbortController()
        const extraction = start(abort.signal)
        writeFileSync(part, bytes.subarray(0, 20))
        extraction.available({ path: part, bytes: 20, generation: 0 })
        await turn()
        if (how === "signal") abort.abort()
        else extraction.stop()
        expect((await failure(extraction.result)).code).to.equal("INTERRUPTED")
        expect(existsSync(join(folder.path, "out"))).to.equal(false)
      }
    })
  })
}
