import type { ProgressEvent } from "@datamaestro/protocol"
import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { requestPiece } from "../../../packages/agent/src/fetch/request-piece.ts"
import type { Attempt } from "../../../packages/agent/src/fetch/transfer-types.ts"
import type { OriginRoute } from "../../helpers/origin.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, SHORT_TUNING, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const body = randomBytes(8 * MIB)
const declared = [{ algorithm: "sha256", hex: sha256(body), of: "download" } as const]

describe("several connections to one file", function () {
  // Slow servers, on machines that may be slow themselves.
  this.timeout(60_000)
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  const tuning = {
    ...SHORT_TUNING,
    segmentFromBytes: MIB,
    pieceBytes: MIB / 4,
    probeSeconds: 0.15,
    worthSeconds: 0.2,
  }
  const slow = 2 * MIB

  async function succeeds(route: Partial<OriginRoute>, options = {}, wanted = body): Promise<void> {
    setup.origin.route("/a", { body, ...route })
    const { path, sha256: found } = await setup.fetch({ urls: [setup.origin.at("/a")], ...options }, { tuning })
    expect((await readFile(path)).equals(wanted)).to.equal(true)
    expect(found).to.equal(sha256(wanted))
  }
  const ranges = (): (string | undefined)[] => setup.origin.requestsOf("/a").map(({ headers }) => headers.range)
  const sent = (): number => setup.origin.requestsOf("/a").reduce((sum, request) => sum + request.sent, 0)

  it("are opened when one is slow, up to four, each for its own part", async () => {
    await succeeds({ throttle: slow })
    expect(setup.origin.mostAtOnce("/a")).to.be.within(2, 4)
    expect(ranges()[0]).to.equal(undefined)
    for (const { headers } of setup.origin.requestsOf("/a").slice(1)) {
      expect(headers.range).to.match(/^bytes=\d+-\d+$/)
      expect(headers["if-range"]).to.match(/^"/)
    }
    expect(new Set(ranges()).size).to.equal(ranges().length)
  })

  for (const [what, held] of [
    ["one of the others", { bytes: MIB / 8, from: 2, times: 1 }],
    ["the first", { bytes: MIB / 2, times: 1 }],
    ["one that never answers", { bytes: 0, from: 2, times: 1 }],
  ] as const) {
    it(`are not held up by one that brings nothing more: ${what}`, async () => {
      let goOn = (): void => {}
      const until = new Promise<void>((resolve) => (goOn = resolve))
      setup.origin.route("/a", { body, throttle: slow, holdAfter: { ...held, until } })
      const request = { urls: [setup.origin.at("/a")], integrity: declared }
      const { path } = await setup.fetch(request, { tuning: { ...tuning, stallSeconds: 600, stragglerSeconds: 0.3 } })
      goOn()
      expect((await readFile(path)).equals(body)).to.equal(true)
      expect(sent()).to.be.below(body.length + 2 * MIB)
    })
  }

  it("are as many as were asked for, never more than sixteen", async () => {
    for (const [connections, most] of [
      [2, 2],
      [40, 16],
    ] as const) {
      const path = `/c${connections}`
      setup.origin.route(path, { body, throttle: MIB })
      const { path: file } = await setup.fetch({ urls: [setup.origin.at(path)] }, { tuning, connections })
      expect((await readFile(file)).equals(body)).to.equal(true)
      expect(setup.origin.mostAtOnce(path)).to.be.within(2, most)
    }
  })

  it("are one where one is asked for, where ranges or proof lack, and where the rest comes soon enough", async () => {
    for (const [index, [route, more]] of (
      [
        [{}, { connections: 1 }],
        [{ ranges: false }, {}],
        [{ etag: "weak" }, {}],
        [{ etag: "none", lastModified: new Date(0) }, {}],
        [{}, { tuning: { ...tuning, worthSeconds: 600 } }],
      ] as const
    ).entries()) {
      const path = `/one${index}`
      setup.origin.route(path, { body: body.subarray(0, 2 * MIB), throttle: slow, ...route })
      await setup.fetch({ urls: [setup.origin.at(path)] }, { tuning, ...more })
      expect(setup.origin.requestsOf(path), path).to.have.length(1)
    }
  })

  it("are taken back where the server refuses them", async () => {
    // The second one already: whether a third is tried depends on how busy the machine is.
    const half = body.subarray(0, 4 * MIB)
    await succeeds({ body: half, throttle: slow / 2, mostAtOnce: 1 }, {}, half)
    expect(setup.origin.requestsOf("/a").some(({ status }) => status === 503)).to.equal(true)
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
  })

  it("leave to the others what a cut one lacks", async () => {
    await succeeds({ throttle: slow, cutAfter: { bytes: 100_000, times: 6 } })
  })

  it("start over together when the file changes meanwhile", async () => {
    const old = randomBytes(8 * MIB)
    await succeeds({ body: [old, body], throttle: slow })
    await setup.close()
    setup = await setUpFetch()
    await succeeds({ body: [old, old, body], throttle: slow, ignoreIfRange: true })
  })

  it("are taken back where the server does not say of which file its parts are", async () => {
    const old = randomBytes(8 * MIB)
    setup.origin.route("/a", { body: [old, body], throttle: slow, ignoreIfRange: true, bareParts: true })
    const { path } = await setup.fetch({ urls: [setup.origin.at("/a")] }, { tuning })
    const found = await readFile(path)
    expect([old, body].filter((each) => each.equals(found))).to.have.length(1)
    const requests = setup.origin.requestsOf("/a")
    expect(requests.some(({ status }) => status === 206)).to.equal(true)
    expect(requests.filter(({ status, sent: bytes }) => status === 200 && bytes === 8 * MIB)).to.have.length(1)
  })

  it("are taken back where the server sends the whole file as each part", async () => {
    await succeeds({ throttle: slow, wholeParts: true })
    expect(setup.origin.requestsOf("/a").some(({ status }) => status === 206)).to.equal(true)
  })

  it("are taken back where the server sends the whole file instead of each part", async () => {
    await succeeds({ throttle: 2 * slow, ignoreRange: {} })
  })

  it("are taken back where servers of one name have an ETag each", async () => {
    await succeeds({ throttle: 2 * slow, etag: ['"one"', '"two"'] })
  })

  it("leave all to the first where all others are refused as if for good", async () => {
    await succeeds({ throttle: slow, refuseRange: 403 })
    expect(setup.origin.requestsOf("/a").some(({ status }) => status === 403)).to.equal(true)
    expect(setup.origin.requestsOf("/a")[0]).to.include({ status: 200, sent: 8 * MIB })
  })

  it("continue what an interrupted run left", async () => {
    setup.origin.route("/a", { body, throttle: slow })
    const stop = new AbortController()
    const progress = (event: ProgressEvent): void => {
      if (event.phase === "download" && event.bytes > 4 * MIB) stop.abort()
    }
    const request = { urls: [setup.origin.at("/a")], integrity: declared }
    const error = await rejection(setup.fetch(request, { tuning, signal: stop.signal, progress }))
    expect(error).to.have.property("code", "INTERRUPTED")
    setup.origin.requests.length = 0
    // Slow here too: the sockets would take all of it before a connection is closed that sends too much.
    await succeeds({ throttle: slow }, { integrity: declared })
    expect(sent()).to.be.within(1, 6 * MIB)
  })

  it("bring what lacks in between, and nothing else", async () => {
    const url = setup.origin.at("/a")
    setup.origin.route("/a", { body, throttle: slow })
    const etag = (await fetch(url, { method: "HEAD" })).headers.get("etag") ?? ""
    const part = await setup.cache.openPart(setup.cache.keyOf(url), url)
    part.state = { source: url, etag, length: body.length }
    await part.allowGaps()
    for (const at of [0, 2 * MIB, 5 * MIB]) await part.write([body.subarray(at, at + MIB)], at)
    await part.keep()
    setup.origin.requests.length = 0
    await succeeds({ throttle: slow })
    expect(ranges()[0]).to.equal(`bytes=${MIB}-`)
    // What is under way when a connection takes over from the one that sends everything is asked for twice.
    expect(sent()).to.be.within(5 * MIB, 6 * MIB)
  })

  it("hear how long a server wants to be left alone that refuses a part", async () => {
    setup.origin.route("/a", { body, fail: { status: 503, retryAfter: 7 } })
    const job = { ...setup.context(), source: setup.origin.at("/a"), part: { state: {} } } as unknown as Attempt
    const span = { position: 0, end: 10, stop: 10, waited: 0, waitsSince: undefined }
    const refused: unknown = await requestPiece(job, span, job.signal, () => {}).catch((error: unknown) => error)
    expect(refused).to.be.an("error").with.property("floor", 7)
  })

  it("can be told as they fill the file from its start", async () => {
    setup.origin.route("/a", { body, throttle: slow })
    const told: number[] = []
    await setup.fetch({ urls: [setup.origin.at("/a")] }, { tuning, onAvailable: ({ bytes }) => told.push(bytes) })
    expect(told).to.deep.equal([...told].sort((a, b) => a - b))
    expect(told.at(-1)).to.equal(body.length)
    expect(told.length).to.be.greaterThan(5)
  })
})
