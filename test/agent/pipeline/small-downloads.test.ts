import { expect } from "chai"
import { createHash, randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { defineDataset, file, md5, rawFile } from "@datamaestro/dataset"
import { UnderWay } from "../../../packages/agent/src/concurrency/under-way.ts"
import { noteSize } from "../../../packages/agent/src/fetch/expected-size.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { rejection } from "../../helpers/rejection.ts"

type FileOptions = NonNullable<Parameters<typeof file>[1]>

const FOLDER = "data/test/org/example/small"
/** More than show that they are small. */
const COUNT = 30

describe("small files of one server", () => {
  let { origin, home } = {} as PreparationSetup
  let committed: number
  const { commit } = DownloadCache.prototype
  eachPreparation((setup) => {
    ;({ origin, home } = setup)
    committed = 0
    DownloadCache.prototype.commit = async function (...entry) {
      committed++
      return await commit.apply(this, entry)
    }
  })
  afterEach(() => (DownloadCache.prototype.commit = commit))

  const dataset = (urls: readonly string[], size: { size?: number } = {}, id = "org.example.small") => {
    const files = urls.map((url, index) => [`part${index}`, file(url, { name: `part${index}`, ...size })])
    return resolved(
      defineDataset({
        id,
        resources: Object.fromEntries(files) as Record<string, ReturnType<typeof file>>,
        describe: ({ part0 }) => ({ part: rawFile(part0 as never) }),
      }),
    )
  }
  /** As if many had been. */
  const expectSmall = (path: string): void => {
    for (let seen = 0; seen < 8; seen++) noteSize({ urls: [origin.at(path)] }, 1)
  }
  const urls = (path: string, count = COUNT): string[] =>
    Array.from({ length: count }, (_, index) => origin.at(`${path}?${index}`))
  const content = (index: number): Buffer => readFileSync(join(home.path, FOLDER, `part${index}`))
  const expectAll = (count = COUNT, expected = "content"): void => {
    for (let index = 0; index < count; index++) expect(content(index).toString()).to.equal(expected)
    expect(readdirSync(join(home.path, FOLDER))).to.not.include(".downloads")
  }

  it("come eight at a time once some have shown that they are small, and none by way of the cache", async () => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    origin.route("/small.a", { body: "content", holdAfter: { bytes: 1, until, from: 8 } })
    const preparing = prepareDataset(dataset(urls("/small.a")), prepareOptions(home.path))
    while (origin.mostAtOnce("/small.a") < 8) await sleep(5)
    release()
    await preparing
    expectAll()
    expect(committed).to.be.at.most(11)
    // Besides those that came in turn until then.
    expect(origin.mostAtOnce("/small.a")).to.be.within(8, 11)
  })

  it("are few that are declared to be small, and come by way of the cache", async () => {
    origin.route("/few.h", { body: "content" })
    await prepareDataset(dataset(urls("/few.h", 3), { size: 7 }), prepareOptions(home.path))
    expectAll(3)
    expect(committed).to.equal(3)
  })

  describe("that two datasets want at a time", () => {
    let release: () => void
    let until: Promise<void>
    /** The names of the downloads that were asked for, whoever has them fetched. */
    let asked: string[]
    const { share } = UnderWay.prototype
    beforeEach(() => {
      until = new Promise((resolve) => (release = resolve))
      asked = []
      UnderWay.prototype.share = function (name, begin) {
        asked.push(name)
        return share.call(this, name, begin)
      }
    })
    afterEach(() => (UnderWay.prototype.share = share))
    const wanted = async (path: string, times: number): Promise<void> => {
      while (asked.filter((name) => name.includes(origin.at(path))).length < times) await sleep(5)
    }

    const one = (id: string, path: string, given: FileOptions = {}) =>
      resolved(
        defineDataset({
          id: `org.example.${id}`,
          resources: { part: file(origin.at(path), { name: "part", ...given }) },
          describe: ({ part }) => ({ part: rawFile(part) }),
        }),
      )
    const part = (id: string, name = "part"): string =>
      readFileSync(join(home.path, "data/test/org/example", id, name), "utf8")
    /** Prepares both, of which the second begins once the first has asked. */
    const prepareBoth = async (path: string, first: FileOptions, second: FileOptions) => {
      expectSmall(path)
      const begun = [prepareDataset(one("one", path, first), prepareOptions(home.path))]
      while (origin.requestsOf(path).length === 0) await sleep(5)
      begun.push(prepareDataset(one("two", path, second), prepareOptions(home.path)))
      const both = Promise.allSettled(begun)
      await wanted(path, 2)
      release()
      return await both
    }

    it("are asked for once", async () => {
      origin.route("/shared.e", { body: "content", holdAfter: { bytes: 1, until } })
      await prepareBoth("/shared.e", {}, {})
      expect(origin.requestsOf("/shared.e")).to.have.length(1)
      expect([part("one"), part("two")]).to.deep.equal(["content", "content"])
    })

    it("are held against what each of them declares", async () => {
      origin.route("/shared.f", { body: "content", holdAfter: { bytes: 1, until, times: 1 } })
      const integrity = md5(createHash("md5").update("other").digest("hex"), "download")
      const [, second] = await prepareBoth("/shared.f", {}, { integrity })
      expect(second).to.have.nested.property("reason.code", "CHECKSUM_MISMATCH")
      expect(part("one")).to.equal("content")
    })

    it("may be a page to the one and none to the other", async () => {
      const page = "<!DOCTYPE html><html></html>"
      origin.route("/shared", { body: page, holdAfter: { bytes: 1, until, times: 1 } })
      const [, second] = await prepareBoth("/shared", {}, { name: "part.csv" })
      expect(second).to.have.nested.property("reason.code", "DOWNLOAD_FAILED")
      expect(part("one")).to.equal(page)
    })

    it("come for the other one, too, where the one that asked first gives up", async () => {
      origin.route("/busy.g", { body: "content", holdAfter: { bytes: 1, until } })
      origin.route("/shared.g", { body: "content" })
      expectSmall("/shared.g")
      const stop = new AbortController()
      const busy = prepareDataset(dataset(urls("/busy.g", 8)), prepareOptions(home.path))
      while (origin.underWay("/busy.g") < 8) await sleep(5)
      // All that may come from this server at a time is on its way: both wait for their turn.
      const first = rejection(
        prepareDataset(one("one", "/shared.g"), prepareOptions(home.path, { signal: stop.signal })),
      )
      await wanted("/shared.g", 1)
      const second = prepareDataset(one("two", "/shared.g"), prepareOptions(home.path))
      await wanted("/shared.g", 2)
      stop.abort()
      expect(await first).to.have.property("code", "INTERRUPTED")
      release()
      await Promise.all([busy, second])
      expect(part("two")).to.equal("content")
    })
  })

  it("are asked for anew once they have come", async () => {
    origin.route("/small.i", { body: ["content", "changed"] })
    const options = prepareOptions(home.path, { force: true })
    for (const expected of ["content", "changed"]) {
      expectSmall("/small.i")
      await prepareDataset(dataset([origin.at("/small.i")]), options)
      expectAll(1, expected)
    }
    expect(committed).to.equal(0)
  })

  it("come by way of the cache where another process may wait for them", async () => {
    origin.route("/small.j", { body: "content" })
    expectSmall("/small.j")
    const isAwaited = (): Promise<boolean> => Promise.resolve(false)
    await prepareDataset(dataset([origin.at("/small.j")]), prepareOptions(home.path, { isAwaited }))
    expect(committed).to.equal(1)
  })

  it("tell that the disk is full as what it is", async () => {
    origin.route("/small.k", { body: "content" })
    expectSmall("/small.k")
    const { open } = promises
    promises.open = async (path, ...how) => {
      if (String(path).endsWith(".small")) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" })
      return await open(path, ...how)
    }
    syncBuiltinESMExports()
    try {
      const error = await rejection(prepareDataset(dataset([origin.at("/small.k")]), prepareOptions(home.path)))
      expect(error).to.have.property("code", "NO_SPACE")
    } finally {
      promises.open = open
      syncBuiltinESMExports()
    }
  })

  it("may have a large one among them, which comes as any large one", async () => {
    const large = randomBytes(2 * 1024 * 1024)
    origin.route("/small.b", { body: "content" })
    origin.route("/large.b", { body: large })
    const options = prepareOptions(home.path)
    await prepareDataset(dataset([...urls("/small.b"), origin.at("/large.b"), ...urls("/small.b?more", 20)]), options)
    expectAll()
    expect(content(COUNT).equals(large)).to.equal(true)
    expect(content(COUNT + 20).toString()).to.equal("content")
  })

  it("are asked for again in the usual way where that many are refused", async () => {
    origin.route("/small.c", { body: "content", fail: { status: 429, from: 10, times: 1 } })
    const options = prepareOptions(home.path)
    await prepareDataset(dataset(urls("/small.c")), options)
    expectAll()
    expect(origin.requests.filter(({ status }) => status === 429)).to.have.length(1)
  })

  it("are none where a page comes in their place", async () => {
    origin.route("/small.csv", { body: "content", login: { from: 10, times: 100 } })
    const preparing = prepareDataset(dataset(urls("/small.csv")), prepareOptions(home.path))
    const error = await preparing.then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    )
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(error?.message).to.match(/HTML/)
  })

  it("are taken from elsewhere where what is made of one is not what was declared", async () => {
    const [wrong, right] = ["wrong...", "content."].map((text) => gzipSync(text, { level: 0 })) as [Buffer, Buffer]
    origin.route("/wrong.gz", { body: wrong })
    origin.route("/right.gz", { body: right })
    expectSmall("/wrong.gz")
    const words = file([origin.at("/wrong.gz"), origin.at("/right.gz")], {
      name: "part0",
      size: right.length,
      integrity: md5(createHash("md5").update("content.").digest("hex"), "output"),
    })
    const definition = { id: "org.example.small", resources: { words }, describe: () => ({}) }
    await prepareDataset(resolved(defineDataset(definition)), prepareOptions(home.path))
    expectAll(1, "content.")
    expect(origin.requests.map(({ path }) => path)).to.deep.equal(["/wrong.gz", "/right.gz"])
  })

  it("are kept in the cache where they are to be, and taken from there", async () => {
    origin.route("/small.d", { body: "content" })
    await prepareDataset(dataset(urls("/small.d")), prepareOptions(home.path, { keepDownloads: true }))
    const cached = (): string[] => readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))
    expect(cached()).to.have.length(COUNT)
    await prepareDataset(dataset(urls("/small.d")), prepareOptions(home.path, { force: true }))
    expectAll()
    expect(origin.requests).to.have.length(COUNT)
    expect(cached()).to.deep.equal([])
  })
})
