import { expect } from "chai"
import { createHash, randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { defineDataset, file, md5, rawFile } from "@datamaestro/dataset"
import { noteSize } from "../../../packages/agent/src/fetch/expected-size.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

const FOLDER = "data/test/org/example/small"
/** More than show that they are small. */
const COUNT = 30

describe("small files of one server", () => {
  let home: ReturnType<typeof temporaryFolder>
  let origin: Origin
  let committed: number
  const { commit } = DownloadCache.prototype
  beforeEach(async () => {
    committed = 0
    DownloadCache.prototype.commit = async function (...entry) {
      committed++
      return await commit.apply(this, entry)
    }
    home = temporaryFolder()
    origin = await startOrigin()
  })
  afterEach(async () => {
    DownloadCache.prototype.commit = commit
    await origin.close()
    home.remove()
  })

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

  it("are asked for once where two datasets want them at a time", async () => {
    origin.route("/small.e", { body: "content" })
    await prepareDataset(dataset(urls("/small.e", 10)), prepareOptions(home.path))
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    origin.route("/shared.e", { body: "content", holdAfter: { bytes: 1, until } })
    const both = ["org.example.one", "org.example.two"].map((id) =>
      prepareDataset(dataset([origin.at("/shared.e")], {}, id), prepareOptions(home.path)),
    )
    while (origin.requestsOf("/shared.e").length === 0) await sleep(5)
    await sleep(50)
    release()
    await Promise.all(both)
    expect(origin.requestsOf("/shared.e")).to.have.length(1)
    for (const id of ["one", "two"])
      expect(readFileSync(join(home.path, "data/test/org/example", id, "part0"), "utf8")).to.equal("content")
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
    for (let seen = 0; seen < 8; seen++) noteSize({ urls: [origin.at("/wrong.gz")] }, 1)
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
