import { expect } from "chai"
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sizeInBytes, trimCache } from "../../../packages/agent/src/store/cache-limit.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { sha256 } from "../fetch/fetch-setup.ts"

const DAY = 86_400

describe("the limit of the download cache", () => {
  let cache: DownloadCache
  beforeEach(async () => {
    cache = new DownloadCache(await mkdtemp(join(tmpdir(), "cache-limit-")))
  })
  afterEach(() => rm(cache.path, { recursive: true, force: true }))

  /** An entry of 1000 bytes that was last used some days ago. */
  async function entry(name: string, days: number): Promise<string> {
    const key = cache.keyOf(name)
    const part = await cache.openPart(key, name)
    const content = Buffer.alloc(1000, name)
    await part.write([content])
    await cache.commit(key, part, name, { url: name, bytes: 1000, sha256: sha256(content) })
    const then = Date.now() / 1000 - days * DAY
    for (const suffix of ["dl", "json"]) await utimes(join(cache.path, `${key}.${suffix}`), then, then)
    return key
  }
  const urls = async (): Promise<string[]> => (await cache.list()).map(({ url }) => url ?? "").sort()

  it("is understood with units of 1000 and of 1024", () => {
    expect(sizeInBytes("50 GB")).to.equal(50e9)
    expect(sizeInBytes("1.5TiB")).to.equal(1.5 * 1024 ** 4)
    expect(sizeInBytes("10k")).to.equal(10_000)
    expect(sizeInBytes("123")).to.equal(123)
    expect(sizeInBytes(7)).to.equal(7)
    for (const wrong of ["", "GB", "-1 GB", "1 XB", "lots"]) expect(sizeInBytes(wrong)).to.equal(undefined)
  })

  it("removes what was not used for longest, and no more than it must", async () => {
    await entry("old", 9)
    await entry("middle", 5)
    await entry("new", 1)
    expect(await trimCache(cache, 3000)).to.equal(3000)
    expect(await trimCache(cache, 2500)).to.equal(2000)
    expect(await urls()).to.deep.equal(["middle", "new"])
  })

  it("counts a use, not only the download", async () => {
    const old = await entry("old", 9)
    await entry("new", 1)
    await cache.touch(old)
    await trimCache(cache, 1000)
    expect(await urls()).to.deep.equal(["old"])
  })

  it("never removes what is in use, nor an unfinished download that is young", async () => {
    const held = await entry("held", 9)
    const hold = await new DownloadCache(cache.path).hold(held)
    const part = await cache.openPart(cache.keyOf("part"), "part")
    await part.write([Buffer.alloc(1000)])
    await part.keep()
    await trimCache(cache, 0)
    expect(await urls()).to.deep.equal(["held", "part"])
    await utimes(part.path, 0, 0)
    await hold.release({ remove: false })
    await trimCache(cache, 0)
    expect(await urls()).to.deep.equal([])
  })

  it("is kept whenever an entry is let go of", async () => {
    await entry("old", 9)
    const key = await entry("new", 1)
    const limited = new DownloadCache(cache.path, { limit: 1500 })
    const hold = await limited.hold(key)
    expect(await urls()).to.deep.equal(["new", "old"])
    await hold.release({ remove: false })
    expect(await urls()).to.deep.equal(["new"])
  })

  describe("once it was looked at", () => {
    const { now } = performance
    let limited: DownloadCache
    const use = async (key: string): Promise<void> => await (await limited.hold(key)).release({ remove: false })
    beforeEach(async () => {
      limited = new DownloadCache(cache.path, { limit: 2500 })
      await use(await entry("first", 9))
    })
    afterEach(() => Object.assign(performance, { now }))

    it("is looked at again as soon as what came since may be too much", async () => {
      for (const [name, days] of [
        ["second", 5],
        ["third", 1],
      ] as const) {
        await use(await entry(name, days))
      }
      expect(await urls()).to.deep.equal(["second", "third"])
    })

    it("is looked at again after a while, since others add to it too", async () => {
      for (const name of ["a", "b", "c"]) await entry(name, 20)
      const small = cache.keyOf("small")
      await cache.commit(small, await cache.openPart(small, "small"), "small", { bytes: 0, sha256: sha256("") })
      await use(small)
      expect(await urls()).to.have.length(5)
      Object.assign(performance, { now: () => now.call(performance) + 61_000 })
      await use(small)
      expect(await urls()).to.deep.equal(["c", "first", "small"])
    })
  })

  it("leaves out of --older-than what was used since", async () => {
    const old = await entry("old", 9)
    await entry("older", 20)
    await cache.touch(old)
    await writeFile(join(cache.path, "unrelated"), "x")
    expect(await cache.clear({ olderThan: 8 * DAY })).to.deep.equal({ removed: 1, bytes: 1000, kept: 1 })
    expect(await urls()).to.deep.equal(["old"])
    expect((await cache.list())[0]?.used).to.be.closeTo(Date.now() / 1000, 60)
    expect((await stat(cache.entryPath(old))).size).to.equal(1000)
    expect(await readFile(join(cache.path, "unrelated"), "utf8")).to.equal("x")
  })
})
