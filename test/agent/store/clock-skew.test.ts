import { expect } from "chai"
import { mkdirSync, readdirSync, statSync } from "node:fs"
import promises, { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { isInUse, markInUse } from "../../../packages/agent/src/store/cache-hold.ts"
import { readLease } from "../../../packages/agent/src/store/lease.ts"
import { acquireLock, tryLock } from "../../../packages/agent/src/store/lock.ts"
import { thisHolder } from "../../../packages/agent/src/store/lock-holder.ts"
import { findOrphans } from "../../../packages/agent/src/pipeline/orphans.ts"
import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"

const HOURS = 3600 * 1000
const RealDate = Date
/** `f_type` of statfs(2). */
const NFS = 0x6969
const { statfs } = promises

/** This machine's clock is off by so much; that of the file system, which is another machine's, is not. */
function skew(milliseconds: number): void {
  promises.statfs = (async (path: string) => ({ ...(await statfs(path)), type: NFS })) as unknown as typeof statfs
  syncBuiltinESMExports()
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string]) {
      super(...((args.length === 0 ? [RealDate.now() + milliseconds] : args) as [number]))
    }
    static override now(): number {
      return RealDate.now() + milliseconds
    }
  } as DateConstructor
}

for (const [name, by] of [
  ["hours ahead", 5 * HOURS],
  ["hours behind", -5 * HOURS],
  ["at another year", -400 * 24 * HOURS],
] as const) {
  describe(`on a machine whose clock is ${name}`, () => {
    const { signal } = new AbortController()
    let folder: string
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "skew-"))
      skew(by)
    })
    afterEach(async () => {
      globalThis.Date = RealDate
      promises.statfs = statfs
      syncBuiltinESMExports()
      await rm(folder, { recursive: true, force: true })
    })
    const elsewhere = async (path: string): Promise<void> =>
      await writeFile(path, `${JSON.stringify({ ...(await thisHolder()), host: "elsewhere", pid: 4_000_000 })}\n`)
    const secondsAgo = async (path: string, seconds: number): Promise<void> => {
      const then = RealDate.now() / 1000 - seconds
      await utimes(path, then, then)
    }

    it("a lock that another machine holds is waited for, and taken over a minute after its last heartbeat", async () => {
      const path = join(folder, "lock")
      await elsewhere(path)
      expect(await tryLock(path)).to.equal(undefined)
      await secondsAgo(path, 40)
      expect(await tryLock(path)).to.equal(undefined)
      await secondsAgo(path, 50)
      const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
      // And it is seen to be held, by everybody else's clock too.
      const { mtimeMs } = statSync(path)
      expect(mtimeMs).to.be.closeTo(RealDate.now(), 5000)
      expect(await tryLock(path)).to.equal(undefined)
      await lock.release()
    })

    it("a job that another machine works on is seen to live, and to be lost", async () => {
      const path = join(folder, "lease")
      await elsewhere(path)
      expect((await readLease(path)).live).to.equal(true)
      await secondsAgo(path, 50)
      expect((await readLease(path)).live).to.equal(false)
    })

    it("a download that is read is kept, and one whose reader died is not", async () => {
      const key = "a".repeat(64)
      const mark = await markInUse(folder, key)
      const [file] = readdirSync(folder)
      const path = join(folder, file ?? "")
      await elsewhere(path)
      expect(await isInUse(folder, readdirSync(folder))).to.equal(true)
      await secondsAgo(path, 130)
      expect(await isInUse(folder, readdirSync(folder))).to.equal(false)
      await mark.remove()
    })

    it("a part that another machine writes is left alone, and continued once it does not", async () => {
      const cache = new DownloadCache(folder)
      const key = cache.keyOf("http://example.org/a")
      const part = await cache.openPart(key, "http://example.org/a")
      await part.write([Buffer.from("abc")])
      await part.checkpoint()
      const record = part.path.replace(/\.tmp$/, ".json.tmp")
      const text = await readFile(record, "utf8")
      await writeFile(record, text.replace(/"host\\":\\"[^"]*\\"/, '"host\\":\\"elsewhere\\"'))
      const other = await cache.openPart(key, "http://example.org/a")
      expect(other.bytes).to.equal(0)
      await other.discard()
      for (const path of [part.path, record]) await secondsAgo(path, 60)
      const claimed = await cache.openPart(key, "http://example.org/a")
      expect(claimed.bytes).to.equal(3)
      await claimed.discard()
      await part.discard()
    })

    it("what somebody prepares is no orphan", async () => {
      const dataset = join(folder, "data/gone/org/thing")
      mkdirSync(dataset, { recursive: true })
      await writeFile(join(dataset, "a.txt"), "a")
      await elsewhere(join(dataset, ".state.lease"))
      const options = {
        paths: { datasets: join(folder, "data") },
        index: new RepositoryIndex([]),
        signal,
        size: false,
      }
      const held = await findOrphans(options)
      expect(held.orphans).to.deep.equal([])
      await secondsAgo(join(dataset, ".state.lease"), 400)
      expect((await findOrphans(options)).orphans).to.have.length(1)
    })
  })
}
