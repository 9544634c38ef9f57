import { expect } from "chai"
import { execFileSync, spawnSync } from "node:child_process"
import promises, { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { cacheKey } from "../../../packages/agent/src/store/cache-key.ts"
import { CachePart } from "../../../packages/agent/src/store/cache-part.ts"
import { redactUrl } from "../../../packages/agent/src/store/cache-url.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { holderName, thisHolder } from "../../../packages/agent/src/store/lock-holder.ts"
import { rejection } from "../../helpers/rejection.ts"
import { StreamHasher } from "../../../packages/agent/src/verify/stream-hasher.ts"

const URL_A = "http://example.org/a"

describe("the download cache", () => {
  let cache: DownloadCache
  const key = cacheKey(URL_A)
  const { signal } = new AbortController()
  beforeEach(async () => {
    cache = new DownloadCache(await mkdtemp(join(tmpdir(), "cache-")))
  })
  afterEach(() => rm(cache.path, { recursive: true, force: true }))

  async function add(url: string, text: string, to = cache): Promise<string> {
    const part = await to.openPart(to.keyOf(url), url)
    await part.write([Buffer.from(text)])
    const hasher = new StreamHasher(["sha256"])
    hasher.update(Buffer.from(text))
    const record = { url, source: url, bytes: text.length, sha256: hasher.digests().sha256 ?? "" }
    return (await to.commit(to.keyOf(url), part, url, record)).path
  }

  const names = async (): Promise<string[]> => (await readdir(cache.path)).sort()

  it("has the keys of Python's json.dumps", () => {
    const urls = [URL_A, "http://x/é", 'http://x/😀?q=\u007f"\\\u2028\n', "http://x/日本"]
    const script =
      "import sys,json,hashlib\nfor u in json.load(sys.stdin): print(hashlib.sha256(json.dumps(u).encode()).hexdigest())"
    const expected = execFileSync("python3", ["-c", script], { input: JSON.stringify(urls) })
      .toString()
      .trim()
      .split("\n")
    expect(urls.map(cacheKey)).to.deep.equal(expected)
  })

  it("tells where its folder can't be made", async () => {
    const file = join(cache.path, "file")
    await writeFile(file, "")
    for (const [path, reason] of [
      [file, "a file has its name"],
      [join(file, "below"), "a part of the path is a file, not a folder"],
    ] as const) {
      const error = await rejection(new DownloadCache(path).create())
      expect(error).to.have.property("code", "STORAGE_FAILED")
      expect(error).to.have.property("message", `Cannot make the folder "${path}": ${reason}`)
    }
  })

  it("lists whole and unfinished downloads, with who uses them", async () => {
    await add(URL_A, "four")
    const part = await cache.openPart(cacheKey("http://example.org/b"), "http://example.org/b")
    await part.write([Buffer.from("pa")])
    const hold = await cache.hold(key)
    const listed = (await cache.list()).map(({ url, bytes, complete, inUse }) => ({ url, bytes, complete, inUse }))
    expect(listed).to.deep.equal([
      { bytes: 2, complete: false, inUse: true, url: undefined },
      { url: URL_A, bytes: 4, complete: true, inUse: true },
    ])
    await hold.release({ remove: false })
    await part.keep()
    expect((await cache.list()).map(({ url, inUse }) => [url, inUse])).to.deep.equal([
      [URL_A, false],
      ["http://example.org/b", false],
    ])
  })

  it("lists what has a pipe in the place of its URL, and waits for nobody to write into it", async () => {
    await add(URL_A, "four")
    await rm(join(cache.path, `${key}.json`))
    await rm(join(cache.path, `${key}.url`), { force: true })
    execFileSync("mkfifo", [join(cache.path, `${key}.url`)])
    expect((await cache.list()).map(({ url, bytes }) => [url, bytes])).to.deep.equal([[undefined, 4]])
  })

  it("tells of a folder in the place of a download, when it can't be cleared or written", async () => {
    await mkdir(join(cache.path, `${key}.dl`))
    const [clearing, adding] = [await rejection(cache.clear({})), await rejection(add(URL_A, "four"))]
    for (const error of [clearing, adding]) {
      expect(error).to.have.property("code", "STORAGE_FAILED")
      expect(error.message).to.contain("a folder has the place of a file")
    }
  })

  it("follows the umask", async () => {
    const path = await add(URL_A, "x")
    for (const file of [path, join(cache.path, `${key}.url`)]) {
      expect((await stat(file)).mode & 0o777).to.equal(0o666 & ~process.umask())
    }
  })

  it("clears all that nobody uses, and nothing else", async () => {
    await add(URL_A, "four")
    await add("http://example.org/b", "sixsix")
    await writeFile(join(cache.path, `${"c".repeat(64)}.url`), "left by Python")
    await writeFile(join(cache.path, "README"), "mine")
    const part = await cache.openPart("d".repeat(64), "http://example.org/d")
    await part.write([Buffer.from("x")])
    const hold = await cache.hold(key)
    expect(await cache.clear()).to.deep.equal({ removed: 1, bytes: 6, kept: 2 })
    expect(await readFile(cache.entryPath(key), "utf8")).to.equal("four")
    expect(await part.owned()).to.equal(true)
    await hold.release({ remove: false })
    await part.keep()
    expect(await cache.clear()).to.deep.equal({ removed: 2, bytes: 5, kept: 0 })
    expect(await names()).to.deep.equal(["README"])
  })

  it("tells that a mark can't be made, and makes one when it can", async () => {
    await add(URL_A, "four")
    await rm(cache.path, { recursive: true })
    const failure: unknown = await cache.hold(key).catch((error: unknown) => error)
    expect(failure).to.have.property("code", "ENOENT")
    await cache.create()
    const hold = await cache.hold(key)
    expect(await names()).to.have.length(1)
    await hold.release({ remove: false })
  })

  it("remembers a use of what somebody else owns, whose times only that one may set", async () => {
    const record = join(cache.path, `${key}.json`)
    await add(URL_A, "four")
    const content = await readFile(record, "utf8")
    await utimes(record, 1, 1)
    const { utimes: original } = promises
    promises.utimes = () => Promise.reject(Object.assign(new Error("no"), { code: "EPERM" }))
    syncBuiltinESMExports()
    try {
      await cache.touch(key)
    } finally {
      promises.utimes = original
      syncBuiltinESMExports()
    }
    expect((await stat(record)).mtimeMs).to.be.above(1000)
    expect(await readFile(record, "utf8")).to.equal(content)
  })

  it("does not clear what is being downloaded", async () => {
    await add(URL_A, "four")
    const lock = await cache.lock(key, { signal })
    expect(await cache.clear()).to.deep.equal({ removed: 0, bytes: 0, kept: 1 })
    await lock.release()
  })

  it("clears only what is old, when asked", async () => {
    const old = await add(URL_A, "four")
    await add("http://example.org/b", "six")
    const hourAgo = Date.now() / 1000 - 3600
    for (const file of [old, old.replace(/\.dl$/, ".json")]) await utimes(file, hourAgo, hourAgo)
    expect(await cache.clear({ olderThan: 600 })).to.deep.equal({ removed: 1, bytes: 4, kept: 1 })
    expect((await cache.list()).map(({ url }) => url)).to.deep.equal(["http://example.org/b"])
  })

  it("takes as long for each of many entries as for each of a few, to list and to clear them", async () => {
    const list = promises.readdir
    const { startsWith } = String.prototype
    const looks: number[] = []
    for (const count of [20, 80]) {
      const many = new DownloadCache(join(cache.path, `${count}`))
      for (let index = 0; index < count; index++) await add(`http://example.org/${index}`, "a", many)
      let looked = 0
      promises.readdir = (async (path: string) => {
        const found = await list(path)
        looked += found.length
        return found
      }) as typeof list
      syncBuiltinESMExports()
      Object.assign(String.prototype, {
        startsWith(this: string, start: string) {
          looked++
          return startsWith.call(this, start)
        },
      })
      try {
        expect(await many.list()).to.have.length(count)
        expect(await many.clear()).to.include({ removed: count, kept: 0 })
      } finally {
        Object.assign(String.prototype, { startsWith })
        promises.readdir = list
        syncBuiltinESMExports()
      }
      looks.push(looked)
    }
    const [few = 0, all = 0] = looks
    expect(all).to.be.at.most(few * 5)
  })

  it("looks into its folder a few times for many downloads, whether they are kept or not", async () => {
    const list = promises.readdir
    let looks = 0
    promises.readdir = (async (path: string) => {
      looks++
      return await list(path)
    }) as typeof list
    syncBuiltinESMExports()
    try {
      const limited = new DownloadCache(cache.path, { limit: 1e9 })
      const urls = Array.from({ length: 40 }, (_, index) => `http://example.org/${index}`)
      for (const url of urls) {
        await add(url, "a", limited)
        await (await limited.hold(limited.keyOf(url))).release({ remove: false })
      }
      expect(await names()).to.have.length(120)
      const holds = await Promise.all(urls.map((url) => limited.hold(limited.keyOf(url))))
      await Promise.all(holds.map((hold) => hold.release({ remove: true })))
      expect(await names()).to.deep.equal([])
      expect(looks).to.be.below(20)
    } finally {
      promises.readdir = list
      syncBuiltinESMExports()
    }
  })

  it("continues what it left itself, however soon", async () => {
    for (const text of ["abc", "abcdef"]) {
      const part = await cache.openPart(key, URL_A)
      expect(part.bytes).to.equal(text.length - 3)
      await part.write([Buffer.from(text.slice(-3))])
      await part.keep()
    }
  })

  it("continues what somebody has shortened from where it ends now", async () => {
    const part = await cache.openPart(key, URL_A)
    await part.write([Buffer.from("abcdef")])
    await part.keep()
    await truncate(part.path, 2)
    const again = await cache.openPart(key, URL_A)
    expect(again.bytes).to.equal(2)
    await again.discard()
  })

  for (const work of ["list", "verify", "clear"] as const) {
    it(`lets go of locks, claims and marks of dead processes: ${work}`, async function () {
      if (process.platform !== "linux") this.skip()
      await add(URL_A, "four")
      const dead = JSON.stringify({ ...(await thisHolder()), start: "1" })
      for (const beside of [key, "a".repeat(64)]) {
        for (const mark of ["lock", `lock.${"b".repeat(24)}`, `elsewhere.1.${"c".repeat(8)}.use`]) {
          await writeFile(join(cache.path, `${beside}.${mark}`), dead)
        }
      }
      await cache[work]()
      const left = (await names()).map((name) => name.slice(65))
      expect(left).to.deep.equal(work === "clear" ? [] : ["dl", "json", "url"])
    })
  }

  it("tells of the bytes of all entries together while it verifies them", async () => {
    for (const size of [1, 22, 333]) await add(`http://example.org/${size}`, "a".repeat(size))
    const told: number[][] = []
    await cache.verify({ onBytes: (...numbers) => told.push(numbers) })
    expect(told.every(([, total]) => total === 356)).to.equal(true)
    expect(told.map(([bytes]) => bytes)).to.deep.equal(told.map(([bytes = 0]) => bytes).sort((a, b) => a - b))
    expect(told.at(-1)).to.deep.equal([356, 356])
  })

  it("does not mind that there is no cache", async () => {
    await rm(cache.path, { recursive: true })
    expect(await cache.list()).to.deep.equal([])
    expect(await cache.clear()).to.deep.equal({ removed: 0, bytes: 0, kept: 0 })
    expect(await cache.verify()).to.deep.equal({ sound: 0, removed: [] })
  })

  it("verifies against what was recorded, and removes what is broken", async () => {
    await add("http://example.org/sound", "sound")
    await writeFile(await add("http://example.org/short", "short"), "shor")
    await writeFile(await add("http://example.org/other", "other"), "0ther")
    const python = "a".repeat(64)
    await writeFile(join(cache.path, `${python}.dl`), "by Python")
    const { sound, removed } = await cache.verify()
    expect(sound).to.equal(2)
    const reasons = new Map(removed.map((one) => [one.key, one.reason]))
    expect(reasons.get(cacheKey("http://example.org/short"))).to.equal("it has 4 bytes, wanted 5")
    expect(reasons.get(cacheKey("http://example.org/other"))).to.match(/^its sha256 is [0-9a-f]{64}, wanted/)
    await writeFile(join(cache.path, `${python}.dl`), "by pyth0n")
    expect((await cache.verify()).removed.map((one) => one.key)).to.deep.equal([python])
  })

  it("removes an entry with all that belongs to it, unless another process holds it (defect 6)", async () => {
    await add(URL_A, "four")
    const elsewhere = await new DownloadCache(cache.path).hold(key)
    const hold = await cache.hold(key)
    await hold.release({ remove: true })
    expect(await cache.find(key)).to.have.property("bytes", 4)
    await elsewhere.release({ remove: true })
    expect(await names()).to.deep.equal([])
  })

  it("continues a part by exactly one of many, with what the server had said", async () => {
    const part = await cache.openPart(key, URL_A)
    part.state = { source: URL_A, etag: '"x"', length: 9 }
    await part.write([Buffer.from("abc")])
    await part.keep()
    const parts = await Promise.all(Array.from({ length: 10 }, () => cache.openPart(key, URL_A)))
    expect(parts.map(({ bytes }) => bytes).sort()).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 3])
    const winner = parts.find(({ bytes }) => bytes === 3)
    expect(winner?.state).to.deep.equal({ source: URL_A, etag: '"x"', length: 9 })
    for (const one of parts) await one.discard()
    expect(await names()).to.deep.equal([])
  })

  it("trusts of a part that another machine left only what that one had synced", async () => {
    const part = await cache.openPart(key, URL_A)
    await part.write([Buffer.from("abc")])
    await part.checkpoint()
    await part.write([Buffer.from("defgh")])
    const record = part.path.replace(/\.tmp$/, ".json.tmp")
    const content = JSON.parse(await readFile(record, "utf8")) as { holder: string }
    const holder = JSON.stringify({ ...(JSON.parse(content.holder) as object), host: "elsewhere" })
    await writeFile(record, JSON.stringify({ ...content, holder }))
    const old = Date.now() / 1000 - 121
    for (const path of [part.path, record]) await utimes(path, old, old)
    const claimed = await CachePart.open(cache.path, key, URL_A, await readdir(cache.path))
    expect(claimed.bytes).to.equal(3)
    expect(await part.owned()).to.equal(false)
    const error: unknown = await part.commit(cache.entryPath(key)).catch((reason: unknown) => reason)
    expect(error).to.be.an("error").with.property("message").that.includes("taken over")
    await claimed.discard()
  })

  it("knows the gaps of a part whose writer on this machine was killed", async function () {
    if (process.platform !== "linux") this.skip()
    const part = await cache.openPart(key, URL_A)
    await part.write([Buffer.from("abc")])
    await part.allowGaps()
    await part.write([Buffer.from("xyz")], 10)
    await part.checkpoint()
    const record = part.path.replace(/\.tmp$/, ".json.tmp")
    const content = JSON.parse(await readFile(record, "utf8")) as { holder: string }
    const holder = JSON.stringify({ ...(JSON.parse(content.holder) as object), start: "1" })
    await writeFile(record, JSON.stringify({ ...content, holder }))
    const claimed = await CachePart.open(cache.path, key, URL_A, await readdir(cache.path))
    expect(claimed.gaps(13)).to.deep.equal([[3, 10]])
    await claimed.discard()
    await part.discard()
  })

  it("finds a part free as soon as the lock of its killed writer on another machine falls", async () => {
    const seconds = (ago: number): Date => new Date(Date.now() - ago * 1000)
    const elsewhere = async (path: string): Promise<void> => {
      const content = JSON.parse(await readFile(path, "utf8")) as { holder: string }
      const holder = JSON.stringify({ ...(JSON.parse(content.holder) as object), host: "elsewhere" })
      await writeFile(path, JSON.stringify({ ...content, holder }))
    }
    const part = await cache.openPart(key, URL_A)
    await part.write([Buffer.from("abc")])
    await part.checkpoint()
    const record = part.path.replace(/\.tmp$/, ".json.tmp")
    await elsewhere(record)
    const lock = await cache.lock(key, { signal })
    const lockFile = join(cache.path, `${key}.lock`)
    const holder = JSON.parse(await readFile(lockFile, "utf8")) as object
    await writeFile(lockFile, JSON.stringify({ ...holder, host: "elsewhere" }))
    // Killed 36 s ago, the last heartbeat of its lock 10 s before.
    for (const path of [part.path, record]) await utimes(path, seconds(36), seconds(36))
    await utimes(lockFile, seconds(46), seconds(46))
    const ours = await cache.lock(key, { signal })
    const claimed = await cache.openPart(key, URL_A)
    expect(claimed.bytes).to.equal(3)
    await claimed.discard()
    await part.discard()
    await Promise.all([ours.release(), lock.release()])
  })

  it("leaves a part alone that was just written to from another machine", async () => {
    const part = await cache.openPart(key, URL_A)
    await part.write([Buffer.from("abc")])
    await part.checkpoint()
    const record = part.path.replace(/\.tmp$/, ".json.tmp")
    const content = await readFile(record, "utf8")
    await writeFile(record, content.replace(/"host\\":\\"[^"]*\\"/, '"host\\":\\"elsewhere\\"'))
    const other = await cache.openPart(key, URL_A)
    expect(other.bytes).to.equal(0)
    await other.discard()
    await part.discard()
  })

  it("sweeps a part whose writer was killed before it recorded anything, and no living one's", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid
    const host = holderName({ host: hostname(), pid: gone })
    const living = holderName({ host: hostname(), pid: process.pid })
    const elsewhere = holderName({ host: `${hostname()}2`, pid: gone })
    for (const name of [host, living, elsewhere]) await writeFile(join(cache.path, `${key}.${name}.0123abcd.tmp`), "")
    await add(URL_A, "four")
    expect((await names()).filter((name) => name.endsWith(".tmp"))).to.deep.equal(
      [`${key}.${living}.0123abcd.tmp`, `${key}.${elsewhere}.0123abcd.tmp`].sort(),
    )
  })

  it("sweeps before there is an entry: whoever finds that one looks for nothing else", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid
    const left = `${key}.${holderName({ host: hostname(), pid: gone })}.0123abcd.tmp`
    await writeFile(join(cache.path, left), "")
    // The last thing that is done fails, as if the process were killed before it.
    await mkdir(join(cache.entryPath(key), "below"), { recursive: true })
    await rejection(add(URL_A, "four"))
    expect(await names()).to.not.include(left)
  })

  it("leaves no part of its own where it can't sweep", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid
    const left = `${key}.${holderName({ host: hostname(), pid: gone })}.0123abcd.tmp`
    await mkdir(join(cache.path, left))
    expect(await rejection(cache.openPart(key, URL_A))).to.have.property("code", "STORAGE_FAILED")
    expect(await names()).to.deep.equal([left])
  })

  it("sweeps a record that its part has left, whole or half, and none of a part that is there", async () => {
    const living = holderName({ host: hostname(), pid: process.pid })
    const names = [1, 2].map((digit) => `${key}.${living}.0123abc${digit}`)
    for (const name of names) {
      await writeFile(join(cache.path, `${name}.json.tmp`), "")
      await writeFile(join(cache.path, `${name}.json.tmp.12.0123abcd.tmp`), "")
    }
    await writeFile(join(cache.path, `${names[1]}.tmp`), "")
    await add(URL_A, "four")
    const left = (await readdir(cache.path)).filter((name) => name.endsWith(".tmp"))
    expect(left.filter((name) => name.startsWith(`${names[0]}.`))).to.deep.equal([])
    expect(left).to.have.length(3)
  })

  it("minds no mark whose writer was killed before it wrote anything, unless it lives", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid
    const mark = async (pid: number): Promise<void> => {
      const name = holderName({ host: hostname(), pid })
      await writeFile(join(cache.path, `${key}.${name}.0123abcd.use`), "")
    }
    await mark(gone)
    expect(await cache.inUse(key)).to.equal(false)
    expect(await names()).to.deep.equal([])
    await mark(process.pid)
    expect(await cache.inUse(key)).to.equal(true)
  })

  it("shows no secret of a URL", () => {
    expect(redactUrl("https://u:p@h/a?x=1#f")).to.equal("https://h/a?x=1")
    expect(redactUrl("https://h/a?X-Amz-Signature=abc&x=1")).to.equal("https://h/a?X-Amz-Signature=REDACTED&x=1")
    expect(redactUrl("https://h/ä b")).to.equal("https://h/ä b")
    expect(redactUrl("x://u:p@[bad")).to.equal("x://[bad")
  })
})
