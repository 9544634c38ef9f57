import { expect } from "chai"
import { createHash } from "node:crypto"
import { readFileSync, rmSync } from "node:fs"
import promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { defineDataset, file, sha256, textFile } from "@datamaestro/dataset"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

describe("a download that is wiped from the cache before it was used", () => {
  let home: ReturnType<typeof temporaryFolder>
  let origin: Origin
  const { link } = promises
  beforeEach(async () => {
    home = temporaryFolder()
    origin = await startOrigin({ "/a": { body: "content" } })
  })
  afterEach(async () => {
    promises.link = link
    syncBuiltinESMExports()
    await origin.close()
    home.remove()
  })

  it("is fetched again, also where it seems to be cut short then", async () => {
    const packed = gzipSync("content")
    const integrity = sha256(createHash("sha256").update(packed).digest("hex"), "download")
    await origin.close()
    origin = await startOrigin({ "/a.gz": { body: packed } })
    const dataset = defineDataset({
      id: "org.example.wiped",
      resources: { a: file(origin.at("/a.gz"), { integrity }) },
      describe: ({ a }) => textFile(a),
    })
    const options = prepareOptions(home.path)
    let wiped = 0
    const { cache } = options
    const hold = cache.hold.bind(cache)
    // The second hold is the one that what is made of it has.
    cache.hold = async (key) => {
      const held = await hold(key)
      if (++wiped === 2) rmSync(cache.entryPath(key))
      return held
    }
    await prepareDataset(resolved(dataset), options)
    expect(readFileSync(join(home.path, "data/test/org/example/wiped/a"), "utf8")).to.equal("content")
    expect(origin.requests).to.have.length(2)
  })

  it("is fetched again", async () => {
    let wiped = 0
    promises.link = async (from, to) => {
      if (wiped++ < 2) rmSync(from)
      await link(from, to)
    }
    syncBuiltinESMExports()
    const dataset = defineDataset({
      id: "org.example.wiped",
      resources: { a: file(origin.at("/a")) },
      describe: ({ a }) => textFile(a),
    })
    await prepareDataset(resolved(dataset), prepareOptions(home.path))
    expect(readFileSync(join(home.path, "data/test/org/example/wiped/a"), "utf8")).to.equal("content")
    expect(origin.requests).to.have.length(3)
  })
})
