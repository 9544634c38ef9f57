import {
  concat,
  defineDataset,
  googleStorageFolder,
  keepLines,
  merge,
  md5,
  tar,
  zip,
  type Resources,
} from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bzip2Sync } from "../../fixtures/bzip2.ts"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { diskState, planWork, prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import type { PrepareOptions } from "../../../packages/agent/src/pipeline/preparation.ts"
import { failure, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, thingOf } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarArchive, tarGzArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

const zipOf = (files: Readonly<Record<string, string>>): Buffer =>
  zipArchive(Object.entries(files).map(([name, content]) => ({ name, content })))
const md5Of = (data: string | Buffer): string => createHash("md5").update(data).digest("hex")

describe("resources of several downloads", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup))

  const prepare = async (resources: Resources, given: Partial<PrepareOptions> = {}) => {
    const options = prepareOptions(home.path, given)
    await prepareDataset(thingOf(resources), options)
    return options
  }
  const text = (name: string): string => readFileSync(join(root, name), "utf8")

  describe("concat", () => {
    beforeEach(() => {
      const parts = [
        { name: "qrels/part2", content: "151 b\n252 b\n" },
        { name: "qrels/part1.gz", content: gzipSync("151 a\n251 a\n") },
        { name: "qrels/part3.bz2", content: bzip2Sync("200 c\n") },
      ]
      origin.route("/qrels.tar.gz", { body: tarGzArchive(parts) })
      origin.route("/more.zip", { body: zipOf({ "x.txt": "300 x" }) })
    })

    it("joins members by their path, each decompressed by its own suffix, archive after archive", async () => {
      const archives = [tar(origin.at("/qrels.tar.gz")), zip(origin.at("/more.zip"))]
      const whole = "151 a\n251 a\n151 b\n252 b\n200 c\n300 x"
      const resources = { all: concat(archives, { name: "all.qrels", integrity: md5(md5Of(whole)) }) }
      await prepare(resources)
      expect(text("all.qrels")).to.equal(whole)
      expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.deep.equal([])
      const again = await prepare(resources, { download: false })
      expect(again.events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
    })

    it("takes the members that are wanted, and changes their lines", async () => {
      const archive = tar(origin.at("/qrels.tar.gz"), { include: ["part[12]*"] })
      await prepare({ all: concat(archive, { name: "all.qrels", transforms: [keepLines(/^(1\d\d|200)\s/)] }) })
      expect(text("all.qrels")).to.equal("151 a\n151 b\n")
    })

    it("fetches nothing twice when a later archive fails", async () => {
      origin.route("/gone.zip", { body: "", fail: { status: 404 } })
      const all = (second: string) =>
        concat([tar(origin.at("/qrels.tar.gz")), zip(origin.at(second))], { name: "all.qrels" })
      expect(await failure(prepare({ all: all("/gone.zip") }))).to.have.property("code", "DOWNLOAD_FAILED")
      await prepare({ all: all("/more.zip") })
      expect(origin.requestsOf("/qrels.tar.gz")).to.have.length(1)
    })

    it("leaves nothing where its sum is another, a member is damaged, or it is stopped", async () => {
      const archive = tar(origin.at("/qrels.tar.gz"))
      const wrong = { all: concat(archive, { name: "all.qrels", integrity: md5(md5Of("x")) }) }
      expect(await failure(prepare(wrong))).to.have.property("code", "CHECKSUM_MISMATCH")
      origin.route("/cut.tar", { body: tarArchive([{ name: "a.gz", content: gzipSync("a").subarray(0, 15) }]) })
      const cut = { all: concat(tar(origin.at("/cut.tar")), { name: "all.qrels" }) }
      expect(await failure(prepare(cut))).to.have.property("code", "TRUNCATED")
      expect(existsSync(join(root, "all.qrels"))).to.equal(false)
    })

    it("stops when it is told to, its downloads kept", async () => {
      origin.route("/slow.tar", {
        body: tarArchive([{ name: "a", content: "a" }]),
        stallAfter: { bytes: 100, times: 1 },
      })
      const all = concat([tar(origin.at("/qrels.tar.gz")), tar(origin.at("/slow.tar"))], { name: "all.qrels" })
      const stop = new AbortController()
      const preparing = failure(prepare({ all }, { signal: stop.signal }))
      while (origin.requestsOf("/slow.tar").length === 0) await sleep(5)
      stop.abort()
      expect(await preparing).to.have.property("code", "INTERRUPTED")
      await prepare({ all })
      expect(origin.requestsOf("/qrels.tar.gz")).to.have.length(1)
      expect(text("all.qrels")).to.match(/a$/)
    })

    it("tells all that it downloads from", async () => {
      const resources = { all: concat([tar(origin.at("/qrels.tar.gz")), zip(origin.at("/more.zip"))], { name: "all" }) }
      const options = { ...prepareOptions(home.path), datafolders: {}, mirrors: undefined }
      const { work } = await planWork(thingOf(resources), options)
      expect(work[0]).to.deep.include({
        action: "download",
        urls: [origin.at("/qrels.tar.gz"), origin.at("/more.zip")],
      })
      expect((await diskState(thingOf(resources), options)).dataset).to.equal("none")
    })
  })

  describe("merge", () => {
    it("extracts several archives into one folder", async () => {
      origin.route("/1.zip", { body: zipOf({ "VG/1.jpg": "1", "VG/x/3.jpg": "3" }) })
      origin.route("/2.zip", { body: zipOf({ "VG_2/2.jpg": "2", "VG_2/x/4.jpg": "4" }) })
      await prepare({ images: merge([zip(origin.at("/1.zip")), zip(origin.at("/2.zip"))]) })
      expect(tree(join(root, "images"))).to.deep.equal({
        "1.jpg": "1",
        "2.jpg": "2",
        x: "/",
        "x/3.jpg": "3",
        "x/4.jpg": "4",
      })
    })

    it("fetches of many only the damaged one anew, once", async () => {
      const whole = (name: string): Buffer => tarGzArchive([{ name, content: name }])
      const damaged = Buffer.from(whole("2"))
      damaged[damaged.length - 6] = 255 - (damaged[damaged.length - 6] ?? 0)
      for (const name of ["1", "3", "4", "5"]) origin.route(`/${name}.tar.gz`, { body: whole(name) })
      origin.route("/2.tar.gz", { body: damaged })
      const images = merge(["1", "2", "3", "4", "5"].map((name) => tar(origin.at(`/${name}.tar.gz`))))
      const asked = (): number[] => ["1", "2", "3", "4", "5"].map((name) => origin.requestsOf(`/${name}.tar.gz`).length)
      expect(await failure(prepare({ images }))).to.have.property("code", "CORRUPT")
      expect(asked()).to.deep.equal([1, 2, 1, 1, 1])
      origin.route("/2.tar.gz", { body: whole("2") })
      await prepare({ images })
      expect(asked()).to.deep.equal([1, 3, 1, 1, 1])
      expect(Object.keys(tree(join(root, "images")))).to.deep.equal(["1", "2", "3", "4", "5"])
    })

    it("refuses two archives with one file, and keeps nothing of either", async () => {
      origin.route("/1.zip", { body: zipOf({ a: "1", b: "1" }) })
      origin.route("/2.zip", { body: zipOf({ b: "2", c: "2" }) })
      const error = await failure(prepare({ images: merge([zip(origin.at("/1.zip")), zip(origin.at("/2.zip"))]) }))
      expect(error.code).to.equal("BROKEN_DEFINITION")
      expect(error.message).to.contain('"b"')
      expect(existsSync(join(root, "images"))).to.equal(false)
    })
  })

  describe("googleStorageFolder", () => {
    const files: Record<string, string> = { "train/1.jpg": "one", "train/a b/2.jpg": "two", "train/3.jpg": "three" }
    const host = process.env["STORAGE_EMULATOR_HOST"]
    beforeEach(() => {
      process.env["STORAGE_EMULATOR_HOST"] = origin.url
    })
    after(() => {
      if (host === undefined) delete process.env["STORAGE_EMULATOR_HOST"]
      else process.env["STORAGE_EMULATOR_HOST"] = host
    })
    const item = (name: string, content = files[name] ?? "") => ({
      name,
      size: String(content.length),
      md5Hash: createHash("md5").update(content).digest("base64"),
    })
    const list = (token: string | undefined, items: object[], nextPageToken?: string): void => {
      const query = new URLSearchParams({ prefix: "train/", fields: "items(name,size,md5Hash),nextPageToken" })
      if (token !== undefined) query.set("pageToken", token)
      origin.route(`/storage/v1/b/images/o?${query.toString()}`, { body: JSON.stringify({ items, nextPageToken }) })
    }
    const serve = (): void => {
      list(undefined, [{ ...item("train/"), size: "0" }, item("train/1.jpg")], "next")
      list("next", [item("train/a b/2.jpg"), item("train/3.jpg")])
      for (const [name, body] of Object.entries(files)) {
        origin.route(`/images/${name.split("/").map(encodeURIComponent).join("/")}`, { body })
      }
    }
    const resources = () => ({ train: googleStorageFolder("gs://images/train") })

    it("fetches all objects below a prefix, page after page, each verified", async () => {
      serve()
      const { events } = await prepare(resources())
      expect(tree(join(root, "train"))).to.deep.equal({
        "1.jpg": "one",
        "a b": "/",
        "a b/2.jpg": "two",
        "3.jpg": "three",
      })
      const downloads = events.filter((event) => event.phase === "download")
      expect(downloads.at(-1)).to.deep.include({ bytes: 11, total: 11 })
      expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.deep.equal([])
    })

    it("tries again with care what one request does not bring: busy, cut off, damaged once, or without a sum", async () => {
      serve()
      origin.route("/images/train/1.jpg", { body: "one", fail: { status: 503, times: 1 } })
      origin.route("/images/train/a%20b/2.jpg", { body: "two", cutAfter: { bytes: 1, times: 1 } })
      origin.route("/images/train/3.jpg", { body: ["thrEe", "three"] })
      origin.route("/images/train/4.jpg", { body: "four" })
      list("next", [item("train/a b/2.jpg"), item("train/3.jpg"), { name: "train/4.jpg", size: "4" }])
      await prepare(resources())
      expect(tree(join(root, "train"))).to.deep.equal({
        "1.jpg": "one",
        "a b": "/",
        "a b/2.jpg": "two",
        "3.jpg": "three",
        "4.jpg": "four",
      })
      expect(origin.requestsOf("/images/train/4.jpg")).to.have.length(1)
    })

    it("fetches objects whose names are as long as can be, with a sum and without", async () => {
      serve()
      const names = ["a", "b"].map((letter) => letter.repeat(255))
      for (const name of names) origin.route(`/images/train/${name}`, { body: "four" })
      const sum = createHash("md5").update("four").digest("base64")
      list("next", [
        { name: `train/${names[0]}`, size: "4", md5Hash: sum },
        { name: `train/${names[1]}`, size: "4" },
      ])
      await prepare(resources())
      for (const name of names) expect(text(`train/${name}`)).to.equal("four")
    })

    it("goes on where it was interrupted", async () => {
      serve()
      origin.route("/images/train/3.jpg", { body: "", fail: { status: 404 } })
      expect(await failure(prepare(resources()))).to.have.property("code", "DOWNLOAD_FAILED")
      expect(existsSync(join(root, "train"))).to.equal(false)
      const before = origin.requestsOf("/images/train/1.jpg").length
      expect(before).to.equal(1)
      origin.route("/images/train/3.jpg", { body: "three" })
      await prepare(resources())
      expect(origin.requestsOf("/images/train/1.jpg")).to.have.length(before)
      expect(tree(join(root, "train"))).to.include.all.keys("1.jpg", "a b/2.jpg", "3.jpg")
    })

    it("takes of an interrupted run only what is still in the bucket, and writes through no link", async () => {
      serve()
      origin.route("/images/train/3.jpg", { body: "", fail: { status: 404 } })
      await failure(prepare(resources()))
      const kept = join(root, ".downloads/train.objects")
      const other = join(home.path, "other")
      writeFileSync(other, "old")
      rmSync(join(kept, "1.jpg"))
      linkSync(other, join(kept, "1.jpg"))
      writeFileSync(join(kept, "a b/2.jpg.0123456789ab.part"), "t")
      writeFileSync(join(kept, "gone.jpg"), "gone")
      origin.route("/images/train/3.jpg", { body: "three" })
      await prepare(resources())
      expect(readFileSync(other, "utf8")).to.equal("old")
      expect(tree(join(root, "train"))).to.deep.equal({
        "1.jpg": "one",
        "a b": "/",
        "a b/2.jpg": "two",
        "3.jpg": "three",
      })
    })

    it("stops when it is told to, and goes on from there", async () => {
      serve()
      origin.route("/images/train/3.jpg", { body: "three", stallAfter: { bytes: 2, times: 1 } })
      const stop = new AbortController()
      const preparing = failure(prepare(resources(), { signal: stop.signal }))
      while (origin.requestsOf("/images/train/3.jpg").length === 0) await sleep(5)
      while (!existsSync(join(root, ".downloads/train.objects/1.jpg"))) await sleep(5)
      stop.abort()
      expect(await preparing).to.have.property("code", "INTERRUPTED")
      await prepare(resources())
      expect(origin.requestsOf("/images/train/1.jpg")).to.have.length(1)
      expect(text("train/3.jpg")).to.equal("three")
    })

    it("refuses an object whose sum is another", async () => {
      serve()
      origin.route("/images/train/3.jpg", { body: "thrEe" })
      expect(await failure(prepare(resources()))).to.have.property("code", "CHECKSUM_MISMATCH")
    })

    it("refuses names that would lead out of the folder", async () => {
      serve()
      list("next", [item("train/../../x")])
      const error = await failure(prepare(resources()))
      expect(error.code).to.equal("CORRUPT")
      expect(error.message).to.contain("../../x")
    })

    it("takes the archive where the bucket can't be listed", async () => {
      origin.route("/train.zip", { body: zipOf({ "train/1.jpg": "one" }) })
      const train = googleStorageFolder("gs://images/train", { mirrors: [zip(origin.at("/train.zip"))] })
      origin.route("/storage/v1/b/images/o", { body: "", fail: { status: 403 } })
      const { events } = await prepare({ train })
      expect(tree(join(root, "train"))).to.deep.equal({ "1.jpg": "one" })
      expect(events.some((event) => event.phase === "notice" && event.message.includes("train.zip"))).to.equal(true)
      const again = await prepare({ train }, { download: false })
      expect(again.events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
    })
  })

  it("can't be defined without archives, with a download's sum, or with a bucket that is none", () => {
    const wrong: [Resources, RegExp][] = [
      [{ a: concat([], { name: "a" }) }, /there is none/],
      [{ a: concat(tar("https://e.org/a.tar"), { name: "a", integrity: md5("0".repeat(32), "download") }) }, /belongs/],
      [{ a: concat(tar("https://e.org/a.tar", { into: "x" }), { name: "a" }) }, /no place of its own/],
      [{ a: merge([]) }, /there is none/],
      [{ a: googleStorageFolder("https://storage.googleapis.com/x") }, /no gs:/],
    ]
    for (const [resources, reason] of wrong) {
      expect(() => defineDataset({ id: "org.x", resources, describe: () => ({}) })).to.throw(reason)
    }
    expect(() => keepLines(/a/i)).to.throw(/flag "i"/)
  })
})
