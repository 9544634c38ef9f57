import { expect } from "chai"
import { createHash, randomBytes } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gunzipSync, gzipSync } from "node:zlib"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024

describe("fetchDownload", () => {
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  for (const [relayed, machine] of [
    [true, "the machine that relays"],
    [false, "the data machine"],
  ] as const) {
    it(`says whose network is to be checked: that of ${machine}`, async () => {
      const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" })
      const wayOut = {
        relayed,
        blocked: () => Promise.resolve(false),
        relay: { request: () => Promise.reject(unknown) },
      }
      const error = await rejection(setup.fetch({ urls: ["http://nowhere.invalid/a"] }, { wayOut: wayOut as never }))
      expect(error.hint).to.contain(`the proxies of ${machine}`)
    })
  }

  it("downloads into the cache under Python's names, and takes it from there the next time", async () => {
    const { origin, cache } = setup
    const body = randomBytes(3 * MIB + 5)
    const modified = new Date("2020-02-02T02:02:02Z")
    origin.route("/é.bin", { body, lastModified: modified })
    origin.route("/%C3%A9.bin", { body, lastModified: modified })
    const url = origin.at("/é.bin")
    const first = await setup.fetch({ urls: [url] })
    expect(await readFile(first.path)).to.deep.equal(body)
    expect(first).to.include({ fromCache: false, bytes: body.length, sha256: sha256(body), url, source: url })
    expect(first.lastModified).to.equal(modified.toUTCString())
    expect(first.etag).to.match(/^".+"$/)
    const key = createHash("sha256")
      .update(`"${url.replace("é", "\\u00e9")}"`)
      .digest("hex")
    expect(first.path).to.equal(join(cache.path, `${key}.dl`))
    expect(await readFile(join(cache.path, `${key}.url`), "utf8")).to.equal(url)
    await first.release({ remove: false })
    expect(await setup.suffixes()).to.deep.equal([".dl", ".json", ".url"])
    const second = await setup.fetch({ urls: [url] })
    expect(second).to.include({ fromCache: true, bytes: body.length, sha256: sha256(body), etag: first.etag })
    expect(origin.requests).to.have.length(1)
    await second.release({ remove: true })
    expect(await setup.suffixes()).to.deep.equal([])
  })

  it("tells how far it is, in the dataset's and the resource's name", async () => {
    const { origin } = setup
    origin.route("/a.bin", { body: randomBytes(2 * MIB) })
    await setup.fetch({ urls: [origin.at("/a.bin")] })
    const downloads = setup.events.filter((event) => event.phase === "download")
    expect(downloads.at(-1)).to.deep.equal({
      phase: "download",
      dataset: "org.example.x",
      resource: "data",
      url: origin.at("/a.bin"),
      bytes: 2 * MIB,
      total: 2 * MIB,
    })
  })

  it("asks for the bytes as they are, with a User-Agent", async () => {
    const { origin } = setup
    origin.route("/a", { body: "x" })
    await setup.fetch({ urls: [origin.at("/a")] })
    expect(origin.requests[0]?.headers).to.include({ "accept-encoding": "identity" })
    expect(origin.requests[0]?.headers["user-agent"]).to.match(/datamaestro/)
  })

  it("takes empty files, chunked ones, and those that end with the connection", async () => {
    const { origin } = setup
    origin.route("/empty", { body: "" })
    origin.route("/chunked", { body: "chunked", length: "chunked" })
    origin.route("/closed", { body: "closed", length: "none" })
    for (const [path, text] of [
      ["/empty", ""],
      ["/chunked", "chunked"],
      ["/closed", "closed"],
    ] as const) {
      const { path: file } = await setup.fetch({ urls: [origin.at(path)] })
      expect(await readFile(file, "utf8")).to.equal(text)
    }
  })

  it("keeps a .gz that the server declares as encoded", async () => {
    const { origin } = setup
    const body = gzipSync("content")
    origin.route("/a.gz", { body, contentEncoding: "declare" })
    const { path } = await setup.fetch({ urls: [origin.at("/a.gz")] })
    expect(gunzipSync(await readFile(path)).toString()).to.equal("content")
    origin.route("/unnamed", { body, contentEncoding: "declare" })
    const declared = await setup.fetch({
      urls: [origin.at("/unnamed")],
      integrity: [{ algorithm: "sha256", hex: sha256(body), of: "download" }],
    })
    expect(declared.sha256).to.equal(sha256(body))
  })

  it("undoes an encoding that the server applied on its own", async () => {
    const { origin } = setup
    const body = "a,b\n".repeat(100_000)
    origin.route("/a.csv", { body, contentEncoding: "encode" })
    const plain = await setup.fetch({ urls: [origin.at("/a.csv")] })
    expect(plain).to.include({ bytes: body.length, sha256: sha256(body) })
    expect(await readFile(plain.path, "utf8")).to.equal(body)
    origin.route("/b.gz", { body: gzipSync(body), contentEncoding: "encode" })
    const gz = await setup.fetch({
      urls: [origin.at("/b.gz")],
      size: gzipSync(body).length,
      integrity: [{ algorithm: "sha256", hex: sha256(gzipSync(body)), of: "download" }],
    })
    expect(gz.sha256).to.equal(sha256(gzipSync(body)))
    await gz.release({ remove: false })
    await plain.release({ remove: false })
    expect(await setup.suffixes()).to.deep.equal([".dl", ".dl", ".json", ".json", ".url", ".url"])
  })

  it("undoes what a server did to a .gz that it had compressed once more, also where no sum tells", async () => {
    const { origin } = setup
    for (const [name, text] of [
      ["/small.gz", "content"],
      ["/large.gz", randomBytes(300_000).toString("hex")],
    ] as const) {
      const body = gzipSync(text)
      origin.route(name, { body, contentEncoding: "encode" })
      const { path, sha256: sum, bytes } = await setup.fetch({ urls: [origin.at(name)] })
      expect(await readFile(path)).to.deep.equal(body)
      expect({ sum, bytes }).to.deep.equal({ sum: sha256(body), bytes: body.length })
    }
    const double = gzipSync(gzipSync("content"))
    origin.route("/double.gz", { body: double, contentEncoding: "declare" })
    const sized = await setup.fetch({ urls: [origin.at("/double.gz")], size: double.length })
    expect(await readFile(sized.path)).to.deep.equal(double)
  })

  it("copies file: URLs", async () => {
    const path = join(setup.folder, "ä b.bin")
    await writeFile(path, "local")
    const { path: cached } = await setup.fetch({ urls: [pathToFileURL(path).href], size: 5 })
    expect(await readFile(cached, "utf8")).to.equal("local")
    const error = await rejection(setup.fetch({ urls: [pathToFileURL(`${path}x`).href] }))
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(error).to.have.property("message").that.includes("there is no such file")
  })

  it("names schemes that it can't do, and URLs that are none", async () => {
    for (const [url, words] of [
      ["ftp://example.org/x", "ftp: is not supported"],
      ["not a url", "not a valid URL"],
    ] as const) {
      const error = await rejection(setup.fetch({ urls: [url] }))
      expect(error).to.have.property("code", "DOWNLOAD_FAILED")
      expect(error).to.have.property("message").that.includes(words)
    }
  })

  describe("checksums", () => {
    const body = randomBytes(100_000)
    const right = { algorithm: "sha256", hex: sha256(body), of: "download" } as const
    const wrong = { algorithm: "md5", hex: "00".repeat(16), of: "download" } as const

    it("are all checked", async () => {
      setup.origin.route("/a", { body })
      const md5 = {
        algorithm: "md5",
        hex: createHash("md5").update(body).digest("hex").toUpperCase(),
        of: "download",
      } as const
      const result = await setup.fetch({ urls: [setup.origin.at("/a")], integrity: [right, md5], size: body.length })
      expect(result.sha256).to.equal(right.hex)
    })

    it("that don't match cost one retry from scratch, then nothing is kept", async () => {
      setup.origin.route("/a", { body })
      const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")], integrity: [right, wrong] }))
      expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
      expect(error)
        .to.have.property("details")
        .that.includes({
          wanted: wrong.hex,
          found: createHash("md5").update(body).digest("hex"),
          url: setup.origin.at("/a"),
        })
      expect(setup.origin.requests.map(({ headers }) => headers.range)).to.deep.equal([undefined, undefined])
      expect(await setup.suffixes()).to.deep.equal([])
    })

    it("are right at the second try when the first was damaged on the way", async () => {
      setup.origin.route("/a", { body: [randomBytes(100_000), body] })
      const result = await setup.fetch({ urls: [setup.origin.at("/a")], integrity: [right] })
      expect(result.sha256).to.equal(right.hex)
      expect(setup.notices().join()).to.include("again")
    })

    it("of a cached download are checked again: a damaged one is told and replaced", async () => {
      setup.origin.route("/a", { body })
      const request = { urls: [setup.origin.at("/a")] }
      const first = await setup.fetch(request)
      await first.release({ remove: false })
      for (const damage of [body.subarray(1), Buffer.concat([body.subarray(0, -1), Buffer.from("x")])]) {
        await writeFile(first.path, damage)
        const again = await setup.fetch(request)
        expect(again.fromCache).to.equal(false)
        expect(await readFile(again.path)).to.deep.equal(body)
        await again.release({ remove: false })
      }
      expect(setup.notices().filter((message) => message.startsWith("Removed the cached download"))).to.have.length(2)
    })

    it("of what a person or Python put into the cache are checked too", async () => {
      const url = setup.origin.at("/a")
      setup.origin.route("/a", { body })
      const path = setup.cache.entryPath(setup.cache.keyOf(url))
      await mkdir(setup.cache.path)
      await writeFile(path, body)
      const good = await setup.fetch({ urls: [url], integrity: [right] })
      expect(good.fromCache).to.equal(true)
      await good.release({ remove: false })
      // Another content of the same size, recorded as what it is.
      const other = randomBytes(body.length)
      await writeFile(path, other)
      await setup.cache.record(setup.cache.keyOf(url), { bytes: other.length, sha256: sha256(other) })
      const again = await setup.fetch({ urls: [url], integrity: [right], size: body.length })
      expect(again.fromCache).to.equal(false)
      await again.release({ remove: true })
      await writeFile(path, "anything")
      await (await setup.fetch({ urls: [url] })).release({ remove: false })
      expect(setup.notices().at(-1)).to.include("unverified")
    })

    it("of a cached download that another process reads do not take it away from that", async () => {
      const url = setup.origin.at("/a")
      setup.origin.route("/a", { body })
      const { path, release } = await setup.fetch({ urls: [url] })
      await release({ remove: false })
      const reader = await new DownloadCache(setup.cache.path).hold(setup.cache.keyOf(url))
      const error = await rejection(setup.fetch({ urls: [url], integrity: [wrong] }))
      expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
      expect(await readFile(path)).to.deep.equal(body)
      await reader.release({ remove: false })
    })

    it("a size that is declared counts as one, of a cached download too", async () => {
      setup.origin.route("/cached", { body })
      await (await setup.fetch({ urls: [setup.origin.at("/cached")] })).release({ remove: false })
      const cached = await rejection(setup.fetch({ urls: [setup.origin.at("/cached")], size: 10 }))
      expect(cached).to.have.property("code", "CHECKSUM_MISMATCH")
      setup.origin.route("/a", { body: [body, body.subarray(1)] })
      const short = await rejection(setup.fetch({ urls: [setup.origin.at("/a")], size: body.length + 1 }))
      expect(short).to.have.property("code", "TRUNCATED")
      const long = await rejection(setup.fetch({ urls: [setup.origin.at("/a")], size: 10 }))
      expect(long).to.have.property("code", "CHECKSUM_MISMATCH")
      setup.origin.route("/chunked", { body, length: "chunked" })
      const large = randomBytes(MIB)
      setup.origin.route("/large", { body: large, throttle: MIB })
      const refused = await rejection(setup.fetch({ urls: [setup.origin.at("/large")], size: 10 }))
      expect(refused).to.have.property("code", "CHECKSUM_MISMATCH")
      // Nobody waits for all of it to find that out.
      expect(setup.origin.requestsOf("/large").map(({ sent }) => sent < MIB)).to.not.include(false)
      const chunked = await rejection(setup.fetch({ urls: [setup.origin.at("/chunked")], size: body.length + 1 }))
      expect(chunked).to.have.property("code", "TRUNCATED")
    })
  })

  describe("HTML where data is due", () => {
    it("is told, with what to do by hand, and leaves nothing", async () => {
      const { origin, cache } = setup
      origin.route("/a.zip", { body: "x", login: {} })
      const url = origin.at("/a.zip")
      const error = await rejection(setup.fetch({ urls: [url] }))
      expect(error).to.have.property("code", "DOWNLOAD_FAILED")
      expect(error).to.have.property("message").that.includes("HTML page instead of the file")
      expect(error)
        .to.have.property("hint")
        .that.includes(`put it at ${cache.entryPath(cache.keyOf(url))}`)
      expect(await setup.suffixes()).to.deep.equal([])
    })

    it("is known by what the caller says, too; and a page that is due is taken", async () => {
      const { origin } = setup
      origin.route("/download", { body: "x", login: {} })
      for (const said of [{ archive: true }, { name: "train.csv" }]) {
        const error = await rejection(setup.fetch({ urls: [origin.at("/download?id=1")], ...said }))
        expect(error).to.have.property("message").that.includes("HTML page")
      }
      const page = await setup.fetch({ urls: [origin.at("/download")] })
      expect(await readFile(page.path, "utf8")).to.include("<html>")
    })

    it("is not taken from the cache either, where it was kept as what it is not", async () => {
      const { origin, cache } = setup
      const url = origin.at("/get")
      origin.route("/get", { body: "x", login: {} })
      // Wanted as what it is: by another dataset.
      await (await setup.fetch({ urls: [url] })).release({ remove: false })
      const wanted = await setup.fetch({ urls: [url] })
      expect(wanted).to.include({ fromCache: true })
      await wanted.release({ remove: false })
      const path = cache.entryPath(cache.keyOf(url))
      const unasked = await rejection(setup.fetch({ urls: [url], name: "a.csv" }, { cachedOnly: true }))
      expect([unasked.code, unasked.message]).to.deep.equal([
        "DOWNLOAD_FAILED",
        `Cannot use the cached download of "${url}": it is an HTML page`,
      ])
      expect(unasked.hint).to.include(`put it at ${path}`)
      const error = await rejection(setup.fetch({ urls: [url], name: "a.csv" }))
      expect(error.message).to.include("HTML page instead of the file")
      expect(setup.notices().at(-1)).to.match(/Removed the cached download of .*: it is an HTML page/)
      // As a browser saves it, and Python's datamaestro.
      await writeFile(path, "<!DOCTYPE html><title>Log in</title>")
      origin.route("/get", { body: "a,b" })
      const anew = await setup.fetch({ urls: [url], archive: true })
      expect(await readFile(anew.path, "utf8")).to.equal("a,b")
      await anew.release({ remove: true })
      // A declared sum says that it is meant.
      const page = "<html>data"
      await writeFile(path, page)
      const sum = { algorithm: "sha256", hex: sha256(Buffer.from(page)), of: "download" } as const
      expect(await setup.fetch({ urls: [url], name: "a.csv", integrity: [sum] })).to.include({ fromCache: true })
    })

    it("is not believed for its Content-Type alone", async () => {
      const { origin } = setup
      origin.route("/a.zip", { body: "PK\x03\x04", contentType: "text/html" })
      const { path } = await setup.fetch({ urls: [origin.at("/a.zip")] })
      expect(await readFile(path, "utf8")).to.equal("PK\x03\x04")
    })

    it("does not replace what was downloaded before", async () => {
      const { origin } = setup
      const body = randomBytes(2 * MIB)
      const url = origin.at("/a.zip")
      origin.route("/a.zip", { body, cutAfter: { bytes: MIB } })
      await rejection(setup.fetch({ urls: [url] }, { tuning: { attempts: 1 } }))
      origin.route("/a.zip", { body, login: {} })
      await rejection(setup.fetch({ urls: [url] }))
      origin.route("/a.zip", { body })
      const { path } = await setup.fetch({ urls: [url] })
      expect(await readFile(path)).to.deep.equal(body)
      expect(origin.requestsOf("/a.zip").at(-1)).to.include({ status: 206, sent: MIB })
    })
  })
})
