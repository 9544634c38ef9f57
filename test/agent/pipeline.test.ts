import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import {
  datafolderPath,
  defineDataset,
  file,
  folder,
  md5,
  reference,
  sha256,
  step,
  tar,
  textFile,
  zip,
} from "@datamaestro/dataset"
import { expect } from "chai"
import { diskState, isPrepared, planWork, prepareDataset } from "../../packages/agent/src/pipeline.ts"
import { DownloadCache } from "../../packages/agent/src/store/cache.ts"
import { thisHolder } from "../../packages/agent/src/store/lock-holder.ts"
import { failure, tree } from "../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../fixtures/preparation-setup.ts"
import { tarArchive, tarGzArchive } from "../fixtures/tar-archive.ts"
import { zipArchive } from "../fixtures/zip-archive.ts"

const hex = (algorithm: string, text: string | Buffer): string => createHash(algorithm).update(text).digest("hex")

/** What is in a dataset's folder besides our own files. */
function content(path: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tree(path)).filter(([name]) => !name.startsWith(".")))
}

describe("prepareDataset", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup))

  const id = "org.example.thing"
  const words = (given: object = {}) =>
    resolved(
      defineDataset({
        id,
        resources: {
          trainWords: file(origin.at("/train.txt.gz"), {
            name: "train.txt",
            integrity: md5(hex("md5", "train words")),
          }),
          testWords: file(origin.at("/test.txt")),
        },
        describe: ({ trainWords, testWords }) => ({ train: textFile(trainWords), test: textFile(testWords) }),
        ...given,
      }),
    )
  const serveWords = (): void => {
    origin.route("/train.txt.gz", { body: gzipSync("train words") })
    origin.route("/test.txt", { body: "test words", etag: '"abc"', lastModified: new Date(1_600_000_000_000) })
  }
  const archived = (given: object = {}) =>
    resolved(
      defineDataset({
        id,
        resources: { data: tar(origin.at("/thing.tar.gz"), given) },
        describe: ({ data }) => ({ path: folder(data) }),
      }),
    )
  const serveArchive = (): void =>
    origin.route("/thing.tar.gz", {
      body: tarGzArchive([
        { name: "thing/train/1.txt", content: "one" },
        { name: "thing/train/2.txt", content: "two" },
        { name: "thing/README", content: "read" },
      ]),
    })

  it("fetches, transforms, verifies, places, and records", async () => {
    serveWords()
    const options = prepareOptions(home.path)
    await prepareDataset(words(), options)
    expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
    expect(readdirSync(root).sort()).to.deep.equal([".manifest.json", ".state.json", "test.txt", "train.txt"])
    expect(JSON.parse(readFileSync(join(root, ".state.json"), "utf8"))).to.deep.equal({
      version: 1,
      resources: { train_words: { state: "complete" }, test_words: { state: "complete" } },
    })
    const manifest = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    const record = manifest.resources.test_words
    expect(record).to.include({
      source: origin.at("/test.txt"),
      etag: '"abc"',
      lastModified: new Date(1_600_000_000_000).toUTCString(),
    })
    expect(new Date(record.time).toISOString()).to.equal(record.time)
    expect(record.files).to.deep.equal([{ path: "test.txt", bytes: 10, sha256: hex("sha256", "test words") }])
    expect(manifest.resources.train_words.files[0].sha256).to.equal(hex("sha256", "train words"))
    expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.deep.equal([])
    const phases = options.events.filter(({ phase }) => phase === "dataset" || phase === "resource")
    expect(phases[0]).to.deep.equal({ phase: "dataset", dataset: id, state: "started" })
    expect(phases.at(-1)).to.deep.equal({ phase: "dataset", dataset: id, state: "done" })
    expect(phases).to.deep.include({
      phase: "resource",
      dataset: id,
      resource: "test_words",
      how: "downloaded",
      bytes: 10,
    })
  })

  it("is known to have been done, once it was", async () => {
    serveWords()
    const options = prepareOptions(home.path)
    expect(await isPrepared(words(), options)).to.equal(false)
    await prepareDataset(words(), options)
    expect(await isPrepared(words(), options)).to.equal(true)
    expect(await isPrepared(words(), { ...options, force: true })).to.equal(false)
  })

  it("touches nothing when all is present", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path))
    const before = [statSync(root).mtimeMs, statSync(join(root, ".state.json")).mtimeMs, origin.requests.length]
    const options = prepareOptions(home.path)
    await prepareDataset(words(), options)
    expect(options.events).to.deep.equal([{ phase: "dataset", dataset: id, state: "present" }])
    expect([statSync(root).mtimeMs, statSync(join(root, ".state.json")).mtimeMs, origin.requests.length]).to.deep.equal(
      before,
    )
  })

  it("keeps downloads when asked to", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path, { keepDownloads: true }))
    expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.have.length(2)
  })

  it("prepares again what is missing although the state says complete", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path))
    rmSync(join(root, "test.txt"))
    await prepareDataset(words(), prepareOptions(home.path))
    expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
    expect(origin.requestsOf("/test.txt")).to.have.length(2)
    expect(origin.requestsOf("/train.txt.gz")).to.have.length(1)
  })

  it("tells of a file that was cut short or replaced by hand, and leaves it", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path))
    writeFileSync(join(root, "test.txt"), "test")
    rmSync(join(root, "train.txt"))
    mkdirSync(join(root, "train.txt"))
    const options = prepareOptions(home.path)
    await prepareDataset(words(), options)
    const notices = options.events.flatMap((event) => (event.phase === "notice" ? [event] : []))
    expect(notices.map(({ level }) => level)).to.deep.equal(["warning", "warning"])
    const messages = notices.map(({ message }) => message).sort()
    expect(messages[0])
      .to.contain(`${id}: "${join(root, "test.txt")}"`)
      .and.contain("it has 4 bytes, wanted 10")
    expect(messages[0]).to.contain(`datamaestro verify ${id}`).and.contain(`datamaestro prepare --force ${id}`)
    expect(messages[1])
      .to.contain(`"${join(root, "train.txt")}"`)
      .and.contain("it is no file")
    expect(options.events.at(-1)).to.deep.equal({ phase: "dataset", dataset: id, state: "present" })
    expect(content(root)).to.deep.equal({ "test.txt": "test", "train.txt": "/" })
  })

  it("tells of it also beside what is prepared again", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path))
    writeFileSync(join(root, "test.txt"), "test")
    rmSync(join(root, "train.txt"))
    const options = prepareOptions(home.path)
    await prepareDataset(words(), options)
    const notices = options.events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))
    expect(notices).to.have.length(1)
    expect(notices[0]).to.contain("test.txt").and.contain("it has 4 bytes, wanted 10")
    expect(content(root)).to.deep.equal({ "test.txt": "test", "train.txt": "train words" })
  })

  it("removes what a killed run left beside the lock, once it has something to do", async () => {
    serveWords()
    const claim = ".state.lease.aaaaaaaaaaaaaaaaaaaaaaaa"
    writeFiles(root, { [claim]: JSON.stringify({ ...(await thisHolder()), start: "1" }) })
    await prepareDataset(words(), prepareOptions(home.path))
    expect(readdirSync(root).sort()).to.deep.equal([".manifest.json", ".state.json", "test.txt", "train.txt"])
  })

  it("leaves nothing at the final path when the output is not what it should be, and tells so", async () => {
    origin.route("/train.txt.gz", { body: gzipSync("other words") })
    origin.route("/test.txt", { body: "test words" })
    const error = await failure(prepareDataset(words(), prepareOptions(home.path)))
    expect(error.code).to.equal("CHECKSUM_MISMATCH")
    expect(existsSync(join(root, "train.txt"))).to.equal(false)
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path))
    expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
  })

  it("fetches anew when the cached download turns out to be stale", async () => {
    serveWords()
    const options = prepareOptions(home.path, { keepDownloads: true })
    origin.route("/train.txt.gz", { body: gzipSync("old words") })
    const loose = words({
      resources: { trainWords: file(origin.at("/train.txt.gz"), { name: "train.txt" }) },
      describe: ({ trainWords }: { trainWords: never }) => ({ t: textFile(trainWords) }),
    })
    await prepareDataset(loose, options)
    expect(content(root)).to.deep.equal({ "train.txt": "old words" })
    rmSync(root, { recursive: true })
    serveWords()
    await prepareDataset(words(), options)
    expect(content(root)["train.txt"]).to.equal("train words")
  })

  it("names a truncated or damaged gzip, and takes members one after the other", async () => {
    const one = (body: Buffer) => {
      origin.route("/a.gz", { body })
      return resolved(
        defineDataset({ id, resources: { a: file(origin.at("/a.gz")) }, describe: ({ a }) => ({ a: textFile(a) }) }),
      )
    }
    const whole = Buffer.concat([gzipSync("first "), gzipSync("second")])
    await prepareDataset(one(Buffer.concat([whole, Buffer.alloc(700)])), prepareOptions(home.path))
    expect(content(root)).to.deep.equal({ a: "first second" })
    for (let length = 0; length < whole.length; length += 7) {
      rmSync(root, { recursive: true, force: true })
      if (length === gzipSync("first ").length) continue
      const error = await failure(prepareDataset(one(whole.subarray(0, length)), prepareOptions(home.path)))
      expect(error.code, `cut at ${length}`).to.be.oneOf(["TRUNCATED", "CORRUPT"])
      expect(content(root), `cut at ${length}`).to.deep.equal({})
    }
    const garbage = await failure(
      prepareDataset(one(Buffer.concat([whole, Buffer.alloc(9), Buffer.from("x")])), prepareOptions(home.path)),
    )
    expect(garbage.message).to.contain("something else after its compressed data")
  })

  it("names what is not gzip, and asks for it once", async () => {
    for (const [start, format] of [
      ["\x04\x22\x4d\x18", "compressed with lz4"],
      ["\x89LZO\0\r\n\x1a\n", "compressed with lzop"],
      ["PK\x03\x04", "a zip archive"],
    ] as const) {
      const path = `/${format.split(" ").at(-1)}.gz`
      origin.route(path, { body: Buffer.from(`${start}${"x".repeat(1000)}`, "latin1") })
      const one = defineDataset({
        id,
        resources: { a: file(origin.at(path)) },
        describe: ({ a }) => ({ a: textFile(a) }),
      })
      const error = await failure(prepareDataset(resolved(one), prepareOptions(home.path)))
      expect([error.code, error.message]).to.deep.equal([
        "UNSUPPORTED_FORMAT",
        `Cannot extract "${path.slice(1)}": it is ${format}, not a gzip file`,
      ])
      expect(origin.requestsOf(path)).to.have.length(1)
    }
  })

  it("does not keep an archive without members, nor uses one that was kept", async () => {
    const empty = gzipSync(Buffer.alloc(10_240))
    origin.route("/thing.tar.gz", { body: empty })
    const error = await failure(prepareDataset(archived(), prepareOptions(home.path)))
    expect(error.message).to.equal('Cannot extract "thing.tar.gz": it has no members')
    expect(origin.requestsOf("/thing.tar.gz")).to.have.length(1)
    const cache = new DownloadCache(join(home.path, "cache"))
    const entry = cache.entryPath(cache.keyOf(origin.at("/thing.tar.gz")))
    expect(existsSync(entry)).to.equal(false)
    writeFileSync(entry, empty)
    serveArchive()
    await prepareDataset(archived(), prepareOptions(home.path))
    expect(content(root)["train/2.txt"]).to.equal("two")
  })

  it("extracts the only archive into the dataset's folder, without its single top-level folder", async () => {
    serveArchive()
    await prepareDataset(archived(), prepareOptions(home.path))
    expect(content(root)).to.deep.equal({ README: "read", train: "/", "train/1.txt": "one", "train/2.txt": "two" })
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    expect(resources.data.files).to.deep.include({ path: "train/1.txt", bytes: 3, sha256: hex("sha256", "one") })
    expect(resources.data.entries.sort()).to.deep.equal(["README", "train"])
    const again = prepareOptions(home.path)
    await prepareDataset(archived(), again)
    expect(again.events).to.deep.equal([{ phase: "dataset", dataset: id, state: "present" }])
    rmSync(join(root, "train"), { recursive: true })
    await prepareDataset(archived(), prepareOptions(home.path))
    expect(content(root)["train/2.txt"]).to.equal("two")
  })

  it("gives two archives with one base name folders of their own (Python's defect 3)", async () => {
    origin.route("/a/data.zip", { body: zipArchive([{ name: "f", content: "a" }]) })
    origin.route("/b/data.zip", { body: zipArchive([{ name: "f", content: "b" }]) })
    const dataset = resolved(
      defineDataset({
        id,
        resources: { one: zip(origin.at("/a/data.zip")), two: zip(origin.at("/b/data.zip")) },
        describe: ({ one, two }) => ({ one: folder(one), two: folder(two) }),
      }),
    )
    await prepareDataset(dataset, prepareOptions(home.path))
    expect(Object.values(content(root)).sort()).to.deep.equal(["/", "/", "a", "b"])
  })

  it("refuses two archives that put the same entry into the dataset's folder", async () => {
    origin.route("/a.zip", { body: zipArchive([{ name: "f", content: "a" }]) })
    origin.route("/b.zip", { body: zipArchive([{ name: "f", content: "b" }]) })
    const dataset = resolved(
      defineDataset({
        id,
        resources: {
          one: zip(origin.at("/a.zip"), { into: "" }),
          three: zip(origin.at("/b.zip"), { into: "f" }),
        },
        describe: ({ one }) => ({ one: folder(one) }),
      }),
    )
    const error = await failure(prepareDataset(dataset, prepareOptions(home.path)))
    expect([error.code, error.message]).to.deep.equal([
      "BROKEN_DEFINITION",
      `Cannot place "f" of "${id}": both three and one have it`,
    ])
  })

  it("serves two datasets with one URL at once (Python's defect 2)", async () => {
    origin.route("/shared", { body: "shared bytes", delay: 50 })
    const two = ["org.example.one", "org.example.two"].map((name) =>
      resolved(
        defineDataset({
          id: name,
          resources: { a: file(origin.at("/shared")) },
          describe: ({ a }) => ({ a: textFile(a) }),
        }),
      ),
    )
    const options = prepareOptions(home.path)
    await Promise.all(two.map((dataset) => prepareDataset(dataset, options)))
    for (const name of ["one", "two"]) {
      expect(content(join(home.path, "data/test/org/example", name))).to.deep.equal({ shared: "shared bytes" })
    }
  })

  it("refuses an archive that brings a dataset's own files", async () => {
    for (const name of [".state.json", ".manifest.json", ".downloads/x", ".STATE.json"]) {
      origin.route("/thing.tar.gz", {
        body: tarGzArchive([
          { name, content: "{}" },
          { name: "a", content: "a" },
        ]),
      })
      const error = await failure(prepareDataset(archived(), prepareOptions(home.path)))
      expect(error.code, name).to.equal("UNSAFE_ARCHIVE")
      expect(content(root), name).to.deep.equal({})
    }
  })

  it("keeps the download when the extraction fails (Python's defect 6)", async () => {
    origin.route("/thing.tar.gz", { body: tarGzArchive([{ name: "../evil", content: "x" }]) })
    await failure(prepareDataset(archived(), prepareOptions(home.path)))
    expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.have.length(1)
    await failure(prepareDataset(archived(), prepareOptions(home.path)))
    expect(origin.requestsOf("/thing.tar.gz").map(({ method }) => method)).to.deep.equal(["GET", "HEAD"])
  })

  for (const [what, first, given, etags] of [
    ["is unsafe", "../evil", {}, ['"v1"', '"v2"']],
    ["is unsafe, as a server says without validators", "../evil", {}, []],
    ["lacks what is wanted", "other", { files: ["f"] }, ['"v1"', '"v2"']],
  ] as const) {
    it(`fetches an archive anew that was cached and ${what}, once it is mended at its source`, async () => {
      const serve = (name: string, content: string, etag: string | undefined): void =>
        origin.route("/thing.tar.gz", {
          body: tarGzArchive([{ name, content }]),
          ...(etag === undefined ? {} : { etag }),
        })
      serve(first, "x", etags[0])
      await failure(prepareDataset(archived(given), prepareOptions(home.path)))
      serve("f", "mended", etags[1])
      await prepareDataset(archived(given), prepareOptions(home.path))
      expect(content(root)).to.deep.equal({ f: "mended" })
      const methods = origin.requestsOf("/thing.tar.gz").map(({ method }) => method)
      expect(methods).to.deep.equal(["GET", "HEAD", "GET"])
    })
  }

  it("leaves a mirror whose archive is of no use for the original", async () => {
    const mirror = { [origin.at("/thing")]: origin.at("/mirror/thing") }
    const of = (members: { name: string; content: string }[]) => ({ body: tarGzArchive(members) })
    origin.route("/thing.tar.gz", of([{ name: "f", content: "right" }]))
    for (const name of ["other", "../evil"]) {
      origin.route("/mirror/thing.tar.gz", of([{ name, content: "wrong" }]))
      const options = prepareOptions(home.path, { mirrors: mirror, force: true })
      await prepareDataset(archived({ files: ["f"] }), options)
      expect(content(root)).to.deep.equal({ f: "right" })
      const left = options.events.filter((event) => event.phase === "notice" && event.message.startsWith("Left "))
      expect(left).to.have.length(1)
    }
    origin.route("/thing.tar.gz", of([{ name: "none", content: "x" }]))
    const options = prepareOptions(home.path, { mirrors: mirror, force: true })
    const error = await failure(prepareDataset(archived({ files: ["f"] }), options))
    expect([error.code, error.message]).to.deep.equal([
      "CONTENT_MISMATCH",
      'Cannot extract "thing.tar.gz": it has no "f", but "none"',
    ])
  })

  it("makes anew what the definition now wants otherwise, and removes what it had made before", async () => {
    serveArchive()
    await prepareDataset(archived(), prepareOptions(home.path))
    const only = { files: ["README"] }
    await prepareDataset(archived(only), prepareOptions(home.path))
    expect(content(root)).to.deep.equal({ README: "read" })
    await prepareDataset(archived({ into: "sub" }), prepareOptions(home.path))
    expect(content(root)).to.include({ "sub/train/1.txt": "one" }).and.not.to.have.property("README")
  })

  it("never deletes a nested dataset's folder, nor counts it as content", async () => {
    serveArchive()
    const nested = join(root, "train/more")
    writeFiles(nested, { ".state.json": '{"version":1,"resources":{}}', "kept.txt": "kept" })
    const error = await failure(prepareDataset(archived(), prepareOptions(home.path)))
    expect(error.code).to.equal("STORAGE_FAILED")
    expect(error.message).to.contain("another dataset is prepared in")
    expect(readFileSync(join(nested, "kept.txt"), "utf8")).to.equal("kept")
    expect(existsSync(join(root, "README"))).to.equal(false)
  })

  it("does not take a nested dataset's folder for the archive's content", async () => {
    serveArchive()
    writeFiles(join(root, "50"), { ".state.json": '{"version":1,"resources":{}}', "kept.txt": "kept" })
    await prepareDataset(archived(), prepareOptions(home.path))
    expect(content(root)).to.include({ README: "read", "50/kept.txt": "kept" })
    expect(origin.requestsOf("/thing.tar.gz")).to.have.length(1)
  })

  it("prepares anew with --force, keeping the old until the new is whole, and removes what is gone", async () => {
    serveArchive()
    await prepareDataset(archived(), prepareOptions(home.path))
    origin.route("/thing.tar.gz", { body: Buffer.from("not an archive at all") })
    await failure(prepareDataset(archived(), prepareOptions(home.path, { force: true })))
    expect(content(root)["train/1.txt"]).to.equal("one")
    const still = prepareOptions(home.path)
    await prepareDataset(archived(), still)
    expect(still.events).to.deep.equal([{ phase: "dataset", dataset: id, state: "present" }])
    origin.route("/thing.tar.gz", {
      body: tarArchive([
        { name: "train/1.txt", content: "new" },
        { name: "LICENSE", content: "l" },
      ]),
    })
    await prepareDataset(archived(), prepareOptions(home.path, { force: true }))
    expect(content(root)).to.deep.equal({ LICENSE: "l", train: "/", "train/1.txt": "new" })
  })

  describe("adoption", () => {
    const state = (value: string): string =>
      JSON.stringify({ version: 1, resources: { train_words: { state: value }, test_words: { state: value } } })

    it("takes over what Python datamaestro completed, verified where it can be, told where not", async () => {
      writeFiles(root, {
        "train.txt": "train words",
        "test.txt": "from python",
        ".state.json": state("complete"),
        ".state.lock": "",
      })
      const options = prepareOptions(home.path)
      await prepareDataset(words(), options)
      expect(origin.requests).to.deep.equal([])
      expect(content(root)["test.txt"]).to.equal("from python")
      expect(options.events.at(-1)).to.deep.equal({ phase: "dataset", dataset: id, state: "adopted" })
      const notices = options.events.filter(({ phase }) => phase === "notice")
      expect(notices).to.have.length(1)
      expect(JSON.stringify(notices)).to.contain("unverified").and.to.contain("test.txt")
      const again = prepareOptions(home.path)
      await prepareDataset(words(), again)
      expect(again.events).to.deep.equal([{ phase: "dataset", dataset: id, state: "present" }])
    })

    it("tells in one line of many files that are taken over unverified", async () => {
      const names = Array.from({ length: 250 }, (_, index) => `f${index}`)
      writeFiles(root, Object.fromEntries(names.map((name) => [name, "x"])))
      const dataset = resolved(
        defineDataset({
          id,
          resources: Object.fromEntries(names.map((name) => [name, file(origin.at(`/${name}`))])),
          describe: ({ f0 }) => textFile(f0 as never),
        }),
      )
      const options = prepareOptions(home.path)
      await prepareDataset(dataset, options)
      const notices = options.events.filter((event) => event.phase === "notice").map(({ message }) => message)
      expect(notices).to.deep.equal([
        `${id}: "${join(root, "f0")}" and 249 more were there already, and used unverified: no sum is known`,
      ])
    })

    it("takes over files without any state, and replaces those that are not what they should be", async () => {
      serveWords()
      writeFiles(root, { "train.txt": "wrong words", "test.txt": "there already" })
      const options = prepareOptions(home.path)
      await prepareDataset(words(), options)
      expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "there already" })
      expect(JSON.stringify(options.events)).to.contain("not what it should be")
    })

    it("prepares anew what a partial state speaks of, unless it can be verified", async () => {
      serveWords()
      writeFiles(root, {
        "train.txt": "train words",
        "test.txt": "half",
        ".state.json": state("partial"),
        ".downloads/test.txt": "ha",
      })
      await prepareDataset(words(), prepareOptions(home.path))
      expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
      expect(origin.requestsOf("/train.txt.gz")).to.deep.equal([])
      expect(existsSync(join(root, ".downloads"))).to.equal(false)
    })

    it("does not believe a complete state of an archive when nothing but .downloads is there (Python's defect 1)", async () => {
      serveArchive()
      writeFiles(root, {
        ".state.json": '{"version":1,"resources":{"data":{"state":"complete"}}}',
        ".downloads/x": "x",
      })
      await prepareDataset(archived(), prepareOptions(home.path))
      expect(content(root).README).to.equal("read")
    })

    it("takes an archive that a person brought into the folder for no content of it, and leaves it there", async () => {
      serveArchive()
      writeFiles(root, { "thing.tar.gz": "brought" })
      await prepareDataset(archived(), prepareOptions(home.path))
      expect(content(root)).to.include({ README: "read", "train/1.txt": "one", "thing.tar.gz": "brought" })
    })

    it("takes over an extracted archive", async () => {
      writeFiles(root, {
        "train/1.txt": "one",
        README: "read",
        ".state.json": '{"version":1,"resources":{"data":{"state":"complete"}}}',
      })
      const options = prepareOptions(home.path)
      await prepareDataset(archived(), options)
      expect(origin.requests).to.deep.equal([])
      expect(options.events.at(-1)).to.include({ state: "adopted" })
    })
  })

  it("tells a damaged or newer state file, and leaves it alone", async () => {
    serveWords()
    for (const text of [
      '{"version": 1, "resources": {',
      '{"version": 9, "resources": {}}',
      '{"version": 1, "resources": {"a": {"state": "maybe"}}}',
    ]) {
      writeFiles(root, { ".state.json": text })
      const error = await failure(prepareDataset(words(), prepareOptions(home.path)))
      expect(error.code, text).to.equal("MALFORMED_SETTINGS")
      expect(error.message).to.contain(join(root, ".state.json"))
      expect(readFileSync(join(root, ".state.json"), "utf8")).to.equal(text)
    }
  })

  it("keeps unknown keys of the state", async () => {
    serveWords()
    writeFiles(root, {
      ".state.json": '{"version": 1, "resources": {"other": {"state": "complete", "x": 1}}, "mine": [1]}',
    })
    await prepareDataset(words(), prepareOptions(home.path))
    const state = JSON.parse(readFileSync(join(root, ".state.json"), "utf8"))
    expect(state.mine).to.deep.equal([1])
    expect(state.resources.other).to.deep.equal({ state: "complete", x: 1 })
  })

  it("asks for the agreement before it does anything, but not for what is there", async () => {
    serveWords()
    const given = { agreement: { id: "org.example.terms", url: "https://example.org/terms", text: "be kind" } }
    const error = await failure(prepareDataset(words(given), prepareOptions(home.path)))
    expect(error.code).to.equal("AGREEMENT_REQUIRED")
    expect(error.hint).to.contain("--accept-agreement org.example.terms")
    expect(error.details["agreement"]).to.deep.equal(given.agreement)
    expect(origin.requests).to.deep.equal([])
    expect(existsSync(root)).to.equal(false)
    const changed = prepareOptions(home.path, { agreements: [{ id: "org.example.terms", sha256: "0".repeat(64) }] })
    expect((await failure(prepareDataset(words(given), changed))).message).to.contain("has changed since")
    const sha256 = createHash("sha256").update("be kind").digest("hex")
    const accepted = prepareOptions(home.path, { agreements: [{ id: "org.example.terms", sha256 }] })
    await prepareDataset(words(given), accepted)
    await prepareDataset(words(given), prepareOptions(home.path, { agreements: ["org.example.terms"], force: true }))
    await prepareDataset(words(given), prepareOptions(home.path))
  })

  it("never downloads when told not to, and names what lacks", async () => {
    const error = await failure(prepareDataset(words(), prepareOptions(home.path, { download: false })))
    expect([error.code, error.message]).to.deep.equal([
      "NOT_PREPARED",
      `Cannot use "${id}" without downloading: train_words, test_words missing`,
    ])
    expect(existsSync(root)).to.equal(false)
    writeFiles(root, { "train.txt": "train words" })
    const rest = await failure(prepareDataset(words(), prepareOptions(home.path, { download: false })))
    expect(rest.details["resources"]).to.deep.equal(["test_words"])
    writeFiles(root, { "test.txt": "mine" })
    await prepareDataset(words(), prepareOptions(home.path, { download: false }))
    expect(origin.requests).to.deep.equal([])
  })

  it("makes what the download cache has when told not to download, and asks no server for it", async () => {
    serveWords()
    await prepareDataset(words(), prepareOptions(home.path, { fetchOnly: true }))
    const asked = origin.requests.length
    const { work } = await planWork(words(), { ...prepareOptions(home.path), datafolders: {}, mirrors: {} })
    expect(work.map(({ action }) => action)).to.deep.equal(["extract-cached", "extract-cached"])

    await prepareDataset(words(), prepareOptions(home.path, { download: false, keepDownloads: true }))
    expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
    await prepareDataset(words(), prepareOptions(home.path, { download: false, force: true }))
    expect(origin.requests.length).to.equal(asked)
    const again = await failure(prepareDataset(words(), prepareOptions(home.path, { download: false, force: true })))
    expect(again.code).to.equal("NOT_PREPARED")
    expect(content(root)).to.deep.equal({ "train.txt": "train words", "test.txt": "test words" })
  })

  it("downloads nothing in the place of a damaged download when told not to, and keeps that one", async () => {
    const { cache } = prepareOptions(home.path)
    await cache.create()
    const entry = cache.entryPath(cache.keyOf(origin.at("/thing.tar.gz")))
    writeFileSync(entry, "no archive")
    serveArchive()
    const error = await failure(prepareDataset(archived(), prepareOptions(home.path, { download: false })))
    expect(error.code).to.equal("CORRUPT")
    expect(origin.requests).to.deep.equal([])
    expect(readFileSync(entry, "utf8")).to.equal("no archive")

    const wrong = archived({ integrity: md5("0".repeat(32)) })
    const refused = await failure(prepareDataset(wrong, prepareOptions(home.path, { download: false })))
    expect(refused.code).to.equal("CHECKSUM_MISMATCH")
    expect(existsSync(entry)).to.equal(true)
    expect(origin.requests).to.deep.equal([])
  })

  it("takes what the shared cache has when told not to download", async () => {
    serveArchive()
    await prepareDataset(archived(), prepareOptions(home.path, { fetchOnly: true }))
    const shared = join(home.path, "shared")
    renameSync(join(home.path, "cache"), shared)
    const options = prepareOptions(home.path, { cache: new DownloadCache(join(home.path, "cache"), { shared }) })
    const { work } = await planWork(archived(), { ...options, datafolders: {}, mirrors: {} })
    expect(work.map(({ action }) => action)).to.deep.equal(["extract-cached"])
    const asked = origin.requests.length
    await prepareDataset(archived(), { ...options, download: false })
    expect(readFileSync(join(root, "README"), "utf8")).to.equal("read")
    expect(origin.requests.length).to.equal(asked)
  })

  it("uses data folders where they are, and says which is missing", async () => {
    const dataset = resolved(
      defineDataset({
        id,
        resources: { table: datafolderPath("large", "sub/table.csv") },
        describe: ({ table }) => ({ table: textFile(table) }),
      }),
    )
    const unset = await failure(prepareDataset(dataset, prepareOptions(home.path)))
    expect([unset.code, unset.hint]).to.deep.equal([
      "DATAFOLDER_MISSING",
      "tell where it is with `datamaestro datafolders set large PATH`",
    ])
    const datafolders = { large: join(home.path, "large") }
    const missing = await failure(prepareDataset(dataset, prepareOptions(home.path, { datafolders })))
    expect([missing.code, missing.details["path"]]).to.deep.equal([
      "DATAFOLDER_MISSING",
      join(home.path, "large/sub/table.csv"),
    ])
    writeFiles(home.path, { "large/sub/table.csv": "1,2" })
    await prepareDataset(dataset, prepareOptions(home.path, { datafolders }))
    expect((await diskState(dataset, { ...prepareOptions(home.path), datafolders })).dataset).to.equal("complete")
  })

  it("prepares what is referred to first, and only that when it lacks", async () => {
    serveArchive()
    const parent = defineDataset({
      id,
      resources: { data: tar(origin.at("/thing.tar.gz")) },
      describe: ({ data }) => folder(data),
    })
    const child = resolved(
      defineDataset({
        id: "org.example.thing.child",
        resources: { source: reference(parent) },
        describe: ({ source }) => ({ words: textFile(source.path.join("README")) }),
      }),
    )
    const options = prepareOptions(home.path)
    await prepareDataset(child, options)
    expect(content(root).README).to.equal("read")
    const again = prepareOptions(home.path, { force: true })
    await prepareDataset(child, again)
    expect(origin.requestsOf("/thing.tar.gz")).to.have.length(1)
  })

  describe("steps", () => {
    let runs = 0
    const stepped = (
      run: (step: {
        input: { raw: string }
        output: string
        signal: AbortSignal
        progress(fraction: number | undefined, message?: string): void
      }) => Promise<void>,
      version = "1",
    ) =>
      resolved(
        defineDataset({
          id,
          resources: {
            raw: file(origin.at("/raw.txt"), { transient: true }),
            vocab: step({
              from: ["raw"],
              name: "vocab.txt",
              version,
              run: async (given) => {
                runs++
                await run(given)
              },
            }),
          },
          describe: ({ vocab }) => ({ vocab: textFile(vocab) }),
        }),
      )
    const upper = async ({
      input,
      output,
      progress,
    }: {
      input: { raw: string }
      output: string
      progress(fraction: number): void
    }): Promise<void> => {
      progress(0.5)
      writeFileSync(output, readFileSync(input.raw, "utf8").toUpperCase())
    }
    beforeEach(() => {
      runs = 0
      origin.route("/raw.txt", { body: "raw" })
    })

    it("runs on its inputs, places the output, and removes transient inputs", async () => {
      const options = prepareOptions(home.path)
      await prepareDataset(stepped(upper), options)
      expect(content(root)).to.deep.equal({ "vocab.txt": "RAW" })
      expect(options.events).to.deep.include({ phase: "step", dataset: id, resource: "vocab", fraction: 0.5 })
      await prepareDataset(stepped(upper), prepareOptions(home.path))
      expect(runs).to.equal(1)
      await prepareDataset(stepped(upper, "2"), prepareOptions(home.path))
      expect([runs, origin.requestsOf("/raw.txt").length]).to.deep.equal([2, 2])
    })

    it("are given a referenced dataset's path, or its folder where it is no single file or folder", async () => {
      origin.route("/words.txt", { body: "words" })
      const parts = defineDataset({
        id: "org.example.parts",
        resources: { words: file(origin.at("/words.txt")) },
        describe: ({ words }) => ({ train: textFile(words) }),
      })
      const single = defineDataset({
        id: "org.example.single",
        resources: { words: file(origin.at("/words.txt")) },
        describe: ({ words }) => textFile(words),
      })
      const reader = defineDataset({
        id,
        resources: {
          parts: reference(parts),
          single: reference(single),
          both: step({
            from: ["parts", "single"],
            name: "both.txt",
            run: async ({ input, output }) =>
              Promise.resolve(
                writeFileSync(
                  output,
                  [join(input.parts, "words.txt"), input.single].map((path) => readFileSync(path)).join(),
                ),
              ),
          }),
        },
        describe: ({ both }) => textFile(both),
      })
      for (const dataset of [parts, single, reader]) await prepareDataset(resolved(dataset), prepareOptions(home.path))
      expect(content(root)["both.txt"]).to.equal("words,words")
    })

    it("and whatever else fails say which dataset and resource it was", async () => {
      origin.route("/a.zip", { body: zipArchive([{ name: "there.txt", content: "x" }]) })
      const lacking = defineDataset({
        id,
        resources: { archive: zip(origin.at("/a.zip"), { files: ["promised.txt"] }) },
        describe: ({ archive }) => folder(archive),
      })
      const { details } = await failure(prepareDataset(resolved(lacking), prepareOptions(home.path)))
      expect(details).to.include({ dataset: id, resource: "archive" })
    })

    it("tells of a full disk as such, not of a step that is wrong", async () => {
      const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
        code: "ENOSPC",
        syscall: "write",
      })
      const error = await failure(
        prepareDataset(
          stepped(() => Promise.reject(full)),
          prepareOptions(home.path),
        ),
      )
      expect([error.code, error.message]).to.deep.equal([
        "NO_SPACE",
        `Cannot make "vocab" of "${id}": no space left on the device`,
      ])
    })

    it("fails with the step's own message, keeping its inputs", async () => {
      const error = await failure(
        prepareDataset(
          stepped(async ({ output }) => {
            writeFileSync(output, "half")
            throw new TypeError("no vowels")
          }),
          prepareOptions(home.path),
        ),
      )
      expect([error.code, error.message]).to.deep.equal(["STEP_FAILED", `Cannot make "vocab" of "${id}": no vowels`])
      expect(error.details["stack"]).to.contain("TypeError: no vowels")
      expect(content(root)).to.deep.equal({ "raw.txt": "raw" })
      const silent = await failure(
        prepareDataset(
          stepped(async () => {}),
          prepareOptions(home.path),
        ),
      )
      expect([silent.code, silent.message]).to.deep.equal([
        "STEP_FAILED",
        `Cannot make "vocab" of "${id}": it ended without writing its output`,
      ])
      expect(origin.requestsOf("/raw.txt")).to.have.length(1)
    })
  })

  it("lets a second preparation of the same dataset wait and use the result", async () => {
    origin.route("/thing.tar.gz", { body: tarGzArchive([{ name: "f", content: "x" }]), delay: 300 })
    const [first, second] = [prepareOptions(home.path), prepareOptions(home.path)]
    await Promise.all([prepareDataset(archived(), first), sleep(50).then(() => prepareDataset(archived(), second))])
    expect(origin.requestsOf("/thing.tar.gz")).to.have.length(1)
    expect(second.events.at(-1)).to.deep.equal({ phase: "dataset", dataset: id, state: "present" })
  })

  it("tells whom it waits for where another process prepares the same dataset", async () => {
    const holder = { ...(await thisHolder()), host: "elsewhere", pid: 12 }
    writeFiles(root, { ".state.lease": JSON.stringify(holder) })
    const abort = new AbortController()
    const events: unknown[] = []
    const progress = (event: { phase: string }): void => {
      events.push(event)
      if (event.phase === "wait") abort.abort()
    }
    const error = await failure(
      prepareDataset(archived(), { ...prepareOptions(home.path), signal: abort.signal, progress }),
    )
    expect(error.code).to.equal("INTERRUPTED")
    expect(events.at(-1)).to.deep.equal({ phase: "wait", dataset: id, holder: "process 12 on elsewhere", seconds: 0 })
  })

  it("ends when interrupted, with the lock free and the download resumable", async () => {
    const body = Buffer.alloc(400_000, "data ")
    origin.route("/test.txt", { body, throttle: 200_000, etag: '"v1"' })
    const dataset = resolved(
      defineDataset({
        id,
        resources: { a: file(origin.at("/test.txt"), { integrity: sha256(hex("sha256", body)) }) },
        describe: ({ a }) => ({ a: textFile(a) }),
      }),
    )
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 700)
    const error = await failure(prepareDataset(dataset, prepareOptions(home.path, { signal: controller.signal })))
    expect(error.code).to.equal("INTERRUPTED")
    expect(existsSync(join(root, ".state.lease"))).to.equal(false)
    expect(existsSync(join(root, "test.txt"))).to.equal(false)
    origin.route("/test.txt", { body, etag: '"v1"' })
    await prepareDataset(dataset, prepareOptions(home.path))
    expect(origin.requestsOf("/test.txt").at(-1)?.headers.range).to.match(/^bytes=[1-9]/)
    expect(readFileSync(join(root, "test.txt")).equals(body)).to.equal(true)
  })

  it("stops the other resources when one fails", async () => {
    origin.route("/train.txt.gz", { body: "", fail: { status: 404 } })
    origin.route("/test.txt", { body: Buffer.alloc(10_000_000), throttle: 10_000 })
    const error = await failure(prepareDataset(words(), prepareOptions(home.path)))
    expect(error.code).to.equal("DOWNLOAD_FAILED")
    expect(error.message).to.contain("train.txt.gz")
  })

  it("tells what it would do, and what is there", async () => {
    serveWords()
    const options = { ...prepareOptions(home.path), datafolders: {}, mirrors: {} }
    const before = await planWork(words(), options)
    expect(before.work.map(({ action }) => action)).to.deep.equal(["download", "download"])
    expect(await diskState(words(), options)).to.deep.equal({
      dataset: "none",
      resources: { train_words: "none", test_words: "none" },
    })
    await prepareDataset(words(), prepareOptions(home.path, { keepDownloads: true }))
    expect((await planWork(words(), options)).work.map(({ action }) => action)).to.deep.equal(["none", "none"])
    rmSync(join(root, "test.txt"))
    expect((await planWork(words(), options)).work.map(({ action }) => action)).to.deep.equal([
      "none",
      "extract-cached",
    ])
    expect((await diskState(words(), options)).dataset).to.equal("partial")
  })

  it("says which agreement will have to be accepted, until it is or nothing is to be done", async () => {
    serveWords()
    const given = { agreement: { id: "org.example.terms", url: "https://example.org/terms", text: "be kind" } }
    const options = { ...prepareOptions(home.path), datafolders: {}, mirrors: {} }
    expect((await planWork(words(given), options)).unaccepted).to.deep.equal([
      { dataset: "org.example.thing", id: "org.example.terms", url: "https://example.org/terms" },
    ])
    const agreements = ["org.example.terms"]
    expect((await planWork(words(given), { ...options, agreements })).unaccepted).to.deep.equal([])
    await prepareDataset(words(given), prepareOptions(home.path, { agreements }))
    expect((await planWork(words(given), options)).unaccepted).to.deep.equal([])
  })
})
