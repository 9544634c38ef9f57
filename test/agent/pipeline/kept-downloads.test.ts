import { expect } from "chai"
import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { appendFileSync, lstatSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { defineDataset, file, textFile } from "@datamaestro/dataset"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"

describe("downloads that are kept", () => {
  let { origin, home } = {} as PreparationSetup
  const body = randomBytes(3_000_000)
  eachPreparation((setup) => ({ origin, home } = setup), { "/a.bin": { body }, "/b.txt.gz": { body: gzipSync(body) } })

  const dataset = (id: string, path = "/a.bin") =>
    resolved(
      defineDataset({
        id,
        resources: { a: file(origin.at(path), { name: "a.bin" }) },
        describe: ({ a }) => ({ a: textFile(a) }),
      }),
    )
  const placed = (id: string): string => join(home.path, "data/test", ...id.split("."), "a.bin")
  const entry = (path: string, folder = join(home.path, "cache")): string => {
    const cache = new DownloadCache(folder)
    return cache.entryPath(cache.keyOf(origin.at(path)))
  }
  const keep = { keepDownloads: true }

  it("take no second place on the disk: a file that is used as it came is the cache's own, by another name", async () => {
    await prepareDataset(dataset("org.one"), prepareOptions(home.path, keep))
    const [cached, used] = [statSync(entry("/a.bin")), statSync(placed("org.one"))]
    expect([used.ino, used.dev, used.nlink]).to.deep.equal([cached.ino, cached.dev, 2])
    await prepareDataset(dataset("org.two"), prepareOptions(home.path, keep))
    expect(statSync(placed("org.two"))).to.include({ ino: cached.ino, nlink: 3 })
    expect(origin.requests).to.have.length(1)
    const kilobytes = Number(execFileSync("du", ["-sk", home.path]).toString().split("\t")[0])
    expect(kilobytes).to.be.within(2900, 3900)
  })

  it("that somebody changed by that other name are not used again", async () => {
    await prepareDataset(dataset("org.one"), prepareOptions(home.path, keep))
    appendFileSync(placed("org.one"), "changed in place")
    const options = prepareOptions(home.path, keep)
    await prepareDataset(dataset("org.two"), options)
    expect(readFileSync(placed("org.two")).equals(body)).to.equal(true)
    expect(JSON.stringify(options.events)).to.match(/Removed the cached download of [^"]*a\.bin/)
    // What the person made of it stays theirs.
    expect(readFileSync(placed("org.one"), "latin1").endsWith("changed in place")).to.equal(true)
    expect(statSync(placed("org.two")).ino).to.equal(statSync(entry("/a.bin")).ino)
  })

  it("stay what they are where the output is another file", async () => {
    await prepareDataset(dataset("org.one", "/b.txt.gz"), prepareOptions(home.path, keep))
    expect(statSync(entry("/b.txt.gz")).nlink).to.equal(1)
    expect(readFileSync(placed("org.one")).equals(body)).to.equal(true)
  })

  it("are copied onto another file system, whole and by nobody's link", async function () {
    const folder = join(home.path, "elsewhere")
    mkdirSync(folder)
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m", "datamaestro-test", folder]).status === 0
    if (!mounted) this.skip()
    try {
      await prepareDataset(dataset("org.one"), prepareOptions(home.path, { ...keep, cache: new DownloadCache(folder) }))
      const [cached, used] = [statSync(entry("/a.bin", folder)), statSync(placed("org.one"))]
      expect([used.nlink, cached.nlink]).to.deep.equal([1, 1])
      expect(used.dev).not.to.equal(cached.dev)
      expect(lstatSync(placed("org.one")).isFile()).to.equal(true)
      expect(readFileSync(placed("org.one")).equals(body)).to.equal(true)
    } finally {
      execFileSync("umount", ["-l", folder])
    }
  })
})
