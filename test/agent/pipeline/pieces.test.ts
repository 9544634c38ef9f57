import { expect } from "chai"
import { createHash, randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { defineDataset, folder, merge, pieces, sha256, tar, zip, type ArchiveResource } from "@datamaestro/dataset"
import { prepareDataset, type PrepareOptions } from "../../../packages/agent/src/pipeline.ts"
import { failure, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

// More than is inflated in one call.
const LARGE = randomBytes(15_000).toString("base64").repeat(430)
const members = [
  { name: "top/a.txt", content: "one" },
  { name: "top/b/large.txt", content: LARGE },
  { name: "top/b/c.txt", content: "three" },
]
const files = { "a.txt": "one", b: "/", "b/large.txt": LARGE, "b/c.txt": "three" }

describe("archives in pieces", function () {
  this.timeout(20_000)
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup))

  /** Serves an archive cut at uneven places; gives the pieces' URLs. */
  function cut(archive: Buffer, names: readonly string[]): string[] {
    const size = Math.ceil(archive.length / names.length) + 1
    return names.map((name, index) => {
      origin.route(`/${name}`, { body: archive.subarray(index * size, (index + 1) * size) })
      return origin.at(`/${name}`)
    })
  }

  async function prepare(data: ArchiveResource, given: Partial<PrepareOptions> = {}) {
    const options = prepareOptions(home.path, given)
    const definition = defineDataset({
      id: "org.example.thing",
      resources: { data },
      describe: (resources) => ({ all: folder(resources.data) }),
    })
    await prepareDataset(resolved(definition), options)
    return options
  }

  const cached = (): string[] => readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))

  const names = ["a", "b", "c", "d", "e"].map((letter) => `thing.tar.gz.parta${letter}`)

  it("are read as one: tar", async () => {
    await prepare(tar(pieces(cut(gzipSync(tarArchive(members)), names))))
    expect(tree(root)).to.deep.include(files)
    expect(cached()).to.deep.equal([])
    const again = await prepare(tar(pieces(names.map((name) => origin.at(`/${name}`)))), { download: false })
    expect(again.events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
  })

  it("are read as one: zip, members lying in several pieces", async () => {
    for (const stored of [true, false]) {
      const archive = zipArchive(members.map((member) => ({ ...member, stored })))
      const urls = cut(
        archive,
        names.map((_, index) => `thing.zip.00${index + 1}`),
      )
      await prepare(zip(pieces(urls)), { force: true })
      expect(tree(root)).to.deep.include(files)
    }
  })

  it("are kept one by one: only what lacks is fetched again", async () => {
    const urls = cut(gzipSync(tarArchive(members)), names)
    const last = origin.at(`/${names[4]}`)
    const { pathname } = new URL(last)
    const body = gzipSync(tarArchive(members))
    origin.route(pathname, { body: "", fail: { status: 404 } })
    const error = await failure(prepare(tar(pieces(urls))))
    expect(error.code).to.equal("DOWNLOAD_FAILED")
    expect(error.message).to.contain(last)
    const asked = names.map((name) => origin.requestsOf(`/${name}`).length)
    const had = cached().length
    cut(body, names)
    await prepare(tar(pieces(urls)))
    expect(tree(root)).to.deep.include(files)
    const askedAgain = names.filter((name, index) => origin.requestsOf(`/${name}`).length > (asked[index] ?? 0))
    expect(askedAgain).to.include(names[4])
    expect(askedAgain.length).to.be.at.most(names.length - had)
  })

  it("are verified, each and as a whole", async () => {
    const archive = gzipSync(tarArchive(members))
    const urls = cut(archive, names)
    const sum = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex")
    const size = Math.ceil(archive.length / 5) + 1
    const listed = urls.map((url, index) => {
      const piece = archive.subarray(index * size, (index + 1) * size)
      return { url, integrity: sha256(sum(piece)), size: piece.length }
    })
    await prepare(tar(pieces(listed), { integrity: sha256(sum(archive)) }))
    expect(tree(root)).to.deep.include(files)

    const whole = await failure(prepare(tar(pieces(urls), { integrity: sha256("0".repeat(64)) }), { force: true }))
    expect(whole.code).to.equal("CHECKSUM_MISMATCH")
    expect(whole.message).to.contain("thing.tar.gz.partaa and 4 more")

    const wrong = listed.with(2, { ...(listed[2] as (typeof listed)[0]), integrity: sha256("1".repeat(64)) })
    const one = await failure(prepare(tar(pieces(wrong)), { force: true }))
    expect(one.code).to.equal("CHECKSUM_MISMATCH")
    expect(tree(root)).to.deep.include(files)
  })

  it("are fetched once more when they are damaged", async () => {
    const archive = gzipSync(tarArchive(members))
    const urls = cut(archive, names)
    const size = Math.ceil(archive.length / 5) + 1
    const good = archive.subarray(2 * size, 3 * size)
    const bad = Buffer.from(good)
    bad[100] = 255 - (bad[100] ?? 0)
    origin.route(`/${names[2]}`, { body: [bad, good] })
    await prepare(tar(pieces(urls)))
    expect(tree(root)).to.deep.include(files)
  })

  it("stop when they are told to", async () => {
    const urls = cut(gzipSync(tarArchive(members)), names)
    origin.route(`/${names[1]}`, { body: Buffer.alloc(100), stallAfter: { bytes: 10 } })
    const stop = new AbortController()
    const preparing = failure(prepare(tar(pieces(urls)), { signal: stop.signal }))
    while (origin.requestsOf(`/${names[1]}`).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort()
    expect((await preparing).code).to.equal("INTERRUPTED")
  })

  it("are named after the archive, and recorded by where they came from", async () => {
    const urls = cut(gzipSync(tarArchive(members)), names)
    const other = zipArchive([{ name: "x.txt", content: "x" }])
    origin.route("/other.zip", { body: other })
    const definition = defineDataset({
      id: "org.example.thing",
      resources: { data: tar(pieces(urls)), other: zip(origin.at("/other.zip")) },
      describe: (resources) => ({ all: folder(resources.data) }),
    })
    await prepareDataset(resolved(definition), prepareOptions(home.path))
    expect(tree(join(root, "thing"))).to.deep.include(files)
    const manifest = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
      resources: Record<string, { source?: string; download?: string }>
    }
    expect(manifest.resources["data"]).to.include({ source: urls[0] }).and.not.have.property("download")
  })

  it("can't be defined without any, twice the same, or inside of another resource", () => {
    const define = (data: ArchiveResource) => () =>
      resolved(defineDataset({ id: "a.b", resources: { data }, describe: (all) => ({ all: folder(all.data) }) }))
    expect(define(tar(pieces([])))).to.throw(/resources.data.url: there are no pieces/)
    expect(define(tar(pieces(["https://x/a", "https://x/a"])))).to.throw(/two pieces have the same URL/)
    expect(define(tar(pieces(["ftp://x/a"])))).to.throw(/ftp/)
    const merged = merge([tar(pieces(["https://x/a"]))])
    expect(() =>
      resolved(defineDataset({ id: "a.b", resources: { merged }, describe: (all) => ({ all: folder(all.merged) }) })),
    ).to.throw(/an archive in pieces has to be a resource of its own/)
  })
})
