import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createServer } from "node:net"
import type { OriginRoute } from "../../helpers/origin.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const body = randomBytes(4 * MIB)
const declared = [{ algorithm: "sha256", hex: sha256(body), of: "download" } as const]

describe("a transfer", () => {
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  const ranges = (): (string | undefined)[] => setup.origin.requestsOf("/a").map(({ headers }) => headers.range)

  async function succeeds(
    route: Omit<OriginRoute, "body"> & { body?: OriginRoute["body"] },
    options = {},
  ): Promise<void> {
    setup.origin.route("/a", { body, ...route })
    const { path, sha256: found } = await setup.fetch({ urls: [setup.origin.at("/a")], ...options })
    expect(found).to.equal(sha256(body))
    expect(await readFile(path)).to.deep.equal(body)
  }

  describe("that is cut", () => {
    it("goes on where it was, against a strong ETag", async () => {
      await succeeds({ cutAfter: { bytes: MIB, times: 3 } })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, `bytes=${2 * MIB}-`, `bytes=${3 * MIB}-`])
      expect(setup.origin.requests[1]?.headers["if-range"]).to.match(/^"/)
      const retry = setup.events.find(({ phase }) => phase === "retry")
      expect(retry)
        .to.have.property("reason")
        .that.includes(`after ${MIB} of ${4 * MIB} bytes`)
    })

    it("goes on by Last-Modified where the ETag is weak", async () => {
      const lastModified = new Date("2021-01-01T00:00:00Z")
      await succeeds({ etag: "weak", lastModified, cutAfter: { bytes: MIB, times: 1 } })
      expect(setup.origin.requests[1]?.headers["if-range"]).to.equal(lastModified.toUTCString())
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`])
    })

    for (const etag of ["weak", "none"] as const) {
      it(`starts over with ${etag} ETag and nothing else, unless a checksum would show a mixture`, async () => {
        await succeeds({ etag, cutAfter: { bytes: MIB, times: 1 } })
        expect(ranges()).to.deep.equal([undefined, undefined])
        setup.origin.requests.length = 0
        setup.origin.route("/a", { body, etag, cutAfter: { bytes: MIB, times: 1 } })
        const url = setup.origin.at("/a?declared")
        setup.origin.route("/a?declared", { body, etag, cutAfter: { bytes: MIB, times: 1 } })
        await setup.fetch({ urls: [url], integrity: declared })
        expect(setup.origin.requestsOf("/a?declared")[1]?.headers.range).to.equal(`bytes=${MIB}-`)
      })
    }

    it("starts over where the server ignores ranges", async () => {
      await succeeds({ ranges: false, cutAfter: { bytes: MIB, times: 1 } })
      expect(setup.origin.requests[1]).to.include({ status: 200, sent: 4 * MIB })
    })

    it("starts over where the server refuses ranges as if for good", async () => {
      await succeeds({ refuseRange: 403, cutAfter: { bytes: MIB, times: 1 } })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, undefined])
    })

    it("keeps what it has where the server refuses all that it is asked", async () => {
      setup.origin.route("/a", { body, cutAfter: { bytes: MIB, times: 1 }, fail: { status: 403, from: 1 } })
      const url = setup.origin.at("/a")
      expect(await rejection(setup.fetch({ urls: [url] }))).to.have.property("code", "DOWNLOAD_FAILED")
      setup.origin.route("/a", { body })
      await setup.fetch({ urls: [url] })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, undefined, `bytes=${MIB}-`])
    })

    it("never joins old and new content", async () => {
      const old = randomBytes(4 * MIB)
      await succeeds({ body: [old, body], cutAfter: { bytes: MIB, times: 1 } })
      expect(setup.origin.requests[1]).to.include({ status: 200 })
    })

    it("never joins them either where the server ignores If-Range", async () => {
      const old = randomBytes(4 * MIB)
      await succeeds({ body: [old, body], ignoreIfRange: true, cutAfter: { bytes: MIB, times: 1 } })
      expect(
        setup.events.filter(({ phase }) => phase === "retry").map((event) => "reason" in event && event.reason),
      ).to.include("the file has changed on the server")
    })

    it("never joins them where the server says neither that the file has changed nor of which file its parts are", async () => {
      const old = randomBytes(4 * MIB)
      const lastModified = new Date(0)
      await succeeds({
        body: [old, old, body],
        lastModified,
        ignoreIfRange: true,
        bareParts: true,
        cutAfter: { bytes: MIB, times: 1 },
      })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, undefined])
    })

    it("goes on with parts of nobody knows which file where a checksum would show a mixture", async () => {
      await succeeds({ bareParts: true, cutAfter: { bytes: MIB, times: 1 } }, { integrity: declared })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`])
    })

    it("cuts back to where a 206 starts when that is before the end of the part", async () => {
      await succeeds({ cutAfter: { bytes: MIB, times: 1 }, rangeShift: { bytes: -1000 } })
      expect(setup.origin.requests[1]).to.include({ status: 206, sent: 3 * MIB + 1000 })
      expect(ranges()).to.have.length(2)
    })

    it("starts over when a 206 starts after the end of the part", async () => {
      await succeeds({ cutAfter: { bytes: MIB, times: 1 }, rangeShift: { bytes: 1000 } })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, undefined])
    })

    it("does not ask that server for a rest again", async () => {
      await succeeds({ cutAfter: { bytes: MIB, times: 3 }, rangeShift: { bytes: 1000 } })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, undefined, undefined])
    })

    it("asks on when a 206 carries less than was asked for", async () => {
      await succeeds({ cutAfter: { bytes: MIB, times: 1 }, rangeLimit: 2 * MIB })
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`, `bytes=${3 * MIB}-`])
    })

    it("has a budget that resets with every new byte", async () => {
      await succeeds({ cutAfter: { bytes: MIB / 4, times: 15 } })
      expect(setup.origin.requests).to.have.length(16)
    })

    it("is given up as truncated where it is always cut at the same place", async () => {
      setup.origin.route("/a", { body, ranges: false, cutAfter: { bytes: MIB } })
      const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }))
      expect(error).to.have.property("code", "TRUNCATED")
      expect(error).to.have.property("message").that.includes("4 times in a row")
      expect(setup.origin.requests).to.have.length(4)
    })

    it("is told to be truncated in every run by a server that announces more than it has", async () => {
      setup.origin.route("/a", { body: body.subarray(0, 12), contentLength: { bytes: 112 } })
      for (let run = 0; run < 3; run++) {
        const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }))
        expect(error.exitStatus, error.message).to.equal(5)
        expect(error.message).to.match(/ after 12 of 112 bytes, 4 times in a row/)
      }
    })

    it("is a failed download where nothing came, or where it is cut elsewhere each time", async () => {
      setup.origin.route("/none", { body, cutAfter: { bytes: 0 } })
      setup.origin.route("/some", { body, etag: "none", ranges: false, cutAfter: { bytes: [MIB, 1000, 2000, 3000] } })
      for (const path of ["/none", "/some"]) {
        const error = await rejection(setup.fetch({ urls: [setup.origin.at(path)] }))
        expect(error, error.message).to.have.property("code", "DOWNLOAD_FAILED")
      }
    })

    it("counts as cut when no byte comes for too long", async () => {
      const tuning = { ...setup.context().tuning, stallSeconds: 0.4 }
      setup.origin.route("/a", { body, stallAfter: { bytes: MIB, times: 1 } })
      const { path } = await setup.fetch({ urls: [setup.origin.at("/a")] }, { tuning })
      expect(await readFile(path)).to.deep.equal(body)
      expect(ranges()).to.deep.equal([undefined, `bytes=${MIB}-`])
    })

    it("is found short when the server had announced more, and whole when it announces less than it sends", async () => {
      await succeeds({ contentLength: { bytes: 5 * MIB, times: 1 } })
      setup.origin.route("/b", { body, contentLength: { bytes: MIB } })
      const error = await rejection(setup.fetch({ urls: [setup.origin.at("/b")], integrity: declared }))
      expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
    })
  })

  describe("of a part that an earlier run left", () => {
    async function leave(bytes: number, route: Partial<OriginRoute> = {}): Promise<void> {
      setup.origin.route("/a", { body, ...route, cutAfter: { bytes } })
      await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }, { tuning: { attempts: 1 } }))
      setup.origin.requests.length = 0
      expect(await setup.suffixes()).to.have.length(2)
    }

    it("fetches the rest only", async () => {
      await leave(3 * MIB)
      await succeeds({})
      expect(setup.origin.requests.map(({ sent }) => sent)).to.deep.equal([MIB])
      expect((await setup.suffixes()).filter((name) => name.endsWith(".tmp"))).to.deep.equal([])
    })

    it("fetches everything where the file has changed since", async () => {
      await leave(3 * MIB, { body: randomBytes(4 * MIB) })
      await succeeds({})
      expect(setup.origin.requests.map(({ sent }) => sent)).to.deep.equal([4 * MIB])
    })

    it("takes a 416 for the end where all is there, and starts over where the file is shorter now", async () => {
      await leave(4 * MIB - 1, { length: "chunked" })
      await succeeds({ length: "chunked", rangeShift: { bytes: 0 } })
      await setup.close()
      setup = await setUpFetch()
      const long = Buffer.concat([body, body])
      await leave(4 * MIB + 1, { body: long, etag: '"same"', length: "chunked" })
      await succeeds({ etag: '"same"' })
      expect(setup.origin.requests.map(({ status }) => status)).to.deep.equal([416, 200])
      await setup.close()
      setup = await setUpFetch()
      await leave(4 * MIB, { body: Buffer.concat([body, body]), etag: '"same"', length: "chunked" })
      await succeeds({ etag: '"same"' })
      expect(setup.origin.requests.map(({ status }) => status)).to.deep.equal([416])
    })

    it("goes on at another source only under a declared checksum", async () => {
      await leave(3 * MIB)
      setup.origin.route("/a", { body, fail: { status: 404 } })
      setup.origin.route("/other", { body, etag: "none" })
      await setup.fetch({ urls: [setup.origin.at("/a"), setup.origin.at("/other")], integrity: declared })
      expect(setup.origin.requestsOf("/other").map(({ sent }) => sent)).to.deep.equal([MIB])
      await setup.close()
      setup = await setUpFetch()
      await leave(3 * MIB)
      setup.origin.route("/a", { body, fail: { status: 404 } })
      setup.origin.route("/other", { body, etag: "none" })
      await setup.fetch({ urls: [setup.origin.at("/a"), setup.origin.at("/other")] })
      expect(setup.origin.requestsOf("/other").map(({ sent }) => sent)).to.deep.equal([4 * MIB])
    })

    it("goes on there against what that source says of its file", async () => {
      await leave(MIB)
      setup.origin.route("/a", { body, fail: { status: 404 } })
      setup.origin.route("/other", { body, etag: '"other"', cutAfter: { bytes: MIB, times: 1 } })
      await setup.fetch({ urls: [setup.origin.at("/a"), setup.origin.at("/other")], integrity: declared })
      const asked = setup.origin.requestsOf("/other").map(({ headers }) => [headers.range, headers["if-range"]])
      expect(asked).to.deep.equal([
        [`bytes=${MIB}-`, undefined],
        [`bytes=${2 * MIB}-`, '"other"'],
      ])
    })
  })

  describe("that the server refuses", () => {
    for (const status of [408, 429, 500, 502, 503, 504]) {
      it(`is tried again after ${status}`, async () => {
        await succeeds({ fail: { status, times: 2 } })
        expect(setup.origin.requests).to.have.length(3)
      })
    }

    for (const status of [400, 401, 403, 404, 410]) {
      it(`is not tried again after ${status}`, async () => {
        setup.origin.route("/a", { body, fail: { status } })
        const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }))
        expect(error).to.have.property("code", "DOWNLOAD_FAILED")
        expect(error).to.have.property("message").that.includes(`the server answered ${status}`)
        expect(error.hint).to.match(/./)
        expect(setup.origin.requests).to.have.length(1)
      })
    }

    it("waits at least as long as Retry-After says, in seconds or as a date", async () => {
      for (const kind of ["seconds", "date"]) {
        setup.events.length = 0
        const path = `/${kind}`
        // A date has whole seconds only: this one is at least 2 s and at most 3 s away, less what the request takes.
        const retryAfter = kind === "seconds" ? 1 : new Date(Date.now() + 3000)
        setup.origin.route(path, { body, fail: { status: 503, retryAfter, times: 1 } })
        await setup.fetch({ urls: [setup.origin.at(path)] })
        const retry = setup.events.find((event) => event.phase === "retry")
        expect(retry?.delay).to.be.within(0.9, 3.1)
      }
    })

    it("waits until the budget of requests is renewed, as GitHub and Dryad tell it", async () => {
      const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 2) }
      setup.origin.route("/a", { body, fail: { status: 403, headers, times: 1 } })
      await setup.fetch({ urls: [setup.origin.at("/a")] })
      expect(setup.events.find((event) => event.phase === "retry")?.delay).to.be.within(0.9, 3.1)
    })

    it("is given up at once when it should wait for hours", async () => {
      setup.origin.route("/a", { body, fail: { status: 429, retryAfter: 7200 } })
      const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }))
      expect(error).to.have.property("code", "DOWNLOAD_FAILED")
      expect(error).to.have.property("message").that.includes("120 minutes")
    })
  })

  it("is tried again when nothing listens", async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    await new Promise((resolve) => server.close(resolve))
    const refused = await rejection(setup.fetch({ urls: [`http://127.0.0.1:${port}/x`] }))
    expect(refused).to.have.property("code", "DOWNLOAD_FAILED")
    expect(refused).to.have.property("message").that.includes("the connection was refused, 4 times in a row")
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.have.length(3)
  })

  it("is not tried again when the host is unknown", async () => {
    const error = await rejection(setup.fetch({ urls: ["http://no-such-host.invalid/x"] }))
    expect(error).to.have.property("message").that.includes("the host is unknown")
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
  })
})
