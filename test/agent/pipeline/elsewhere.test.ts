import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { file, googleStorageFolder, md5, pieces, sha256, tar, zip, type Resources } from "@datamaestro/dataset"
import { expect } from "chai"
import { prepareDataset, type PrepareOptions } from "../../../packages/agent/src/pipeline.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"

const md5Of = (text: string): string => createHash("md5").update(text).digest("hex")

/** A `.tar.gz` of which gzip says that it is damaged. */
function damaged(archive: Buffer): Buffer {
  const copy = Buffer.from(archive)
  copy[copy.length - 6] = 255 - (copy[copy.length - 6] ?? 0)
  return copy
}

describe("a download that is sound by itself and of no use", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup))

  const prepare = async (resources: Resources, given: Partial<PrepareOptions> = {}): Promise<string[]> => {
    const options = prepareOptions(home.path, given)
    await prepareDataset(thingOf(resources), options)
    return options.events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))
  }
  const asked = (...paths: string[]): number[] => paths.map((path) => origin.requestsOf(path).length)

  it("comes from elsewhere where the output has another sum", async () => {
    origin.route("/old/words.gz", { body: gzipSync("old") })
    origin.route("/words.gz", { body: gzipSync("new") })
    const words = file([origin.at("/old/words.gz"), origin.at("/words.gz")], { integrity: md5(md5Of("new")) })
    const [notice] = await prepare({ words })
    expect(notice)
      .to.include(`Left ${origin.at("/old/words.gz")} for ${origin.at("/words.gz")}: `)
      .and.include(md5Of("old"))
    expect(readFileSync(join(root, "words"), "utf8")).to.equal("new")
    expect(asked("/old/words.gz", "/words.gz")).to.deep.equal([1, 1])
    const manifest = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
      resources: Record<string, { source?: string }>
    }
    expect(manifest.resources["words"]).to.have.property("source", origin.at("/words.gz"))
  })

  it("comes from the original where a mirror of the settings has it damaged, after one more attempt there", async () => {
    const archive = tarGzArchive([{ name: "a.txt", content: "a" }])
    origin.route("/mirror/thing.tar.gz", { body: damaged(archive) })
    origin.route("/thing.tar.gz", { body: archive })
    await prepare({ all: tar(origin.at("/thing.tar.gz")) }, { mirrors: { [origin.at("/")]: origin.at("/mirror/") } })
    expect(tree(root)).to.include({ "a.txt": "a" })
    expect(asked("/mirror/thing.tar.gz", "/thing.tar.gz")).to.deep.equal([2, 1])
  })

  it("comes from elsewhere piece by piece, where the whole has another sum", async () => {
    const archive = tarGzArchive([{ name: "a.txt", content: "a" }])
    const halves = [archive.subarray(0, 40), archive.subarray(40)]
    for (const [index, body] of halves.entries()) {
      origin.route(`/mirror/${index}`, { body: Buffer.alloc(body.length) })
      origin.route(`/${index}`, { body })
    }
    const sum = sha256(createHash("sha256").update(archive).digest("hex"))
    const all = tar(pieces([origin.at("/0"), origin.at("/1")]), { integrity: sum, into: "all" })
    await prepare({ all }, { mirrors: { [origin.at("/")]: origin.at("/mirror/") } })
    expect(tree(join(root, "all"))).to.deep.equal({ "a.txt": "a" })
    expect(asked("/mirror/0", "/mirror/1", "/0", "/1")).to.deep.equal([1, 1, 1, 1])
  })

  it("is refused where it is of no use anywhere, and where its author's own sum says that it is meant", async () => {
    origin.route("/old/words.gz", { body: gzipSync("old") })
    origin.route("/words.gz", { body: gzipSync("new") })
    const urls = [origin.at("/old/words.gz"), origin.at("/words.gz")]
    const nowhere = await failure(prepare({ words: file(urls, { integrity: md5(md5Of("other")) }) }))
    expect(nowhere.code).to.equal("CHECKSUM_MISMATCH")
    expect(nowhere.message).to.include(md5Of("new"))
    expect(asked("/old/words.gz", "/words.gz")).to.deep.equal([1, 1])
    const own = sha256(createHash("sha256").update(gzipSync("old")).digest("hex"), "download")
    const meant = await failure(prepare({ words: file(urls, { integrity: [own, md5(md5Of("new"))] }) }))
    expect(meant.code).to.equal("CHECKSUM_MISMATCH")
    expect(asked("/old/words.gz", "/words.gz")).to.deep.equal([2, 1])
  })

  it("comes from its server where a shared cache has it", async () => {
    origin.route("/words.gz", { body: gzipSync("old") })
    const words = file(origin.at("/words.gz"), { integrity: md5(md5Of("old")) })
    await prepare({ words }, { keepDownloads: true })
    origin.route("/words.gz", { body: gzipSync("new") })
    const other = temporaryFolder()
    try {
      const cache = new DownloadCache(join(other.path, "cache"), { shared: join(home.path, "cache") })
      const options = prepareOptions(other.path, { cache })
      const changed = file(origin.at("/words.gz"), { integrity: md5(md5Of("new")) })
      await prepareDataset(thingOf({ words: changed }), options)
      expect(readFileSync(join(other.path, "data/test/org/example/thing/words"), "utf8")).to.equal("new")
    } finally {
      other.remove()
    }
  })

  it("comes from the next archive that stands in for a bucket", async () => {
    const archive = tarGzArchive([{ name: "a.txt", content: "a" }])
    origin.route("/no.zip", { body: "no zip" })
    origin.route("/a.tar.gz", { body: archive })
    const mirrors = [zip(origin.at("/no.zip")), tar(origin.at("/a.tar.gz"))]
    process.env["STORAGE_EMULATOR_HOST"] = origin.url
    try {
      await prepare({ all: googleStorageFolder("gs://bucket/images", { mirrors }) })
    } finally {
      delete process.env["STORAGE_EMULATOR_HOST"]
    }
    expect(tree(join(root, "all"))).to.deep.equal({ "a.txt": "a" })
  })
})
