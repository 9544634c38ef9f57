import { DatamaestroError, type RelayMode } from "@datamaestro/protocol"
import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { Readable } from "node:stream"
import { WayOut, type Relay } from "../../../packages/agent/src/fetch/way-out.ts"
import { freePort } from "../../helpers/free-port.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const BODY = randomBytes(200_000)
const HEADERS = { etag: '"strong"', "content-length": String(BODY.length), "accept-ranges": "bytes" }

/** A controller that asks for what it is told to, until it is gone. */
class FakeRelay implements Relay {
  gone = false
  readonly asked: string[] = []
  /** It goes in the middle of each body. */
  cuts = false
  onCut: () => Promise<void> = () => Promise.resolve()

  async request({ url }: { url: string }): ReturnType<Relay["request"]> {
    if (this.gone) throw lost()
    this.asked.push(url)
    return await Promise.resolve({ status: 200, headers: HEADERS, body: Readable.from(this.#content()) })
  }

  async *#content(): AsyncGenerator<Buffer> {
    if (!this.cuts) return yield BODY
    yield BODY.subarray(0, 100_000)
    this.gone = true
    await this.onCut()
    throw lost()
  }
}

function lost(): DatamaestroError {
  return new DatamaestroError("CONNECTION_LOST", "the controller is gone")
}

describe("a machine's way out", () => {
  let setup: FetchSetup
  let relay: FakeRelay
  let url: string
  let port: number
  let server: Server | undefined
  let ranges: (string | undefined)[]
  beforeEach(async () => {
    setup = await setUpFetch()
    relay = new FakeRelay()
    port = await freePort()
    url = `http://127.0.0.1:${port}/a.bin`
    ranges = []
  })
  afterEach(async () => {
    server?.close()
    server?.closeAllConnections()
    server = undefined
    await setup.close()
  })

  /** The network is there, with the only server in it. */
  const connect = async (): Promise<void> => {
    const started = createServer(({ headers: { range } }, response) => {
      ranges.push(range)
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0)
      const rest = BODY.subarray(from)
      const partial = { "content-range": `bytes ${from}-${BODY.length - 1}/${BODY.length}` }
      response.writeHead(from > 0 ? 206 : 200, { ...HEADERS, "content-length": rest.length, ...partial }).end(rest)
    })
    server = started
    await new Promise<void>((resolve) => started.listen(port, "127.0.0.1", resolve))
  }

  const fetch = async (mode: RelayMode, overrides: Parameters<FetchSetup["fetch"]>[1] = {}): Promise<Buffer> => {
    const wayOut = new WayOut({ relay, mode, progress: (event) => setup.events.push(event) })
    // What a machine with a way out would reach is not there through this proxy.
    const environment = { HOME: setup.folder, HTTPS_PROXY: "http://127.0.0.1:1" }
    const { path } = await setup.fetch({ urls: [url] }, { ...overrides, wayOut, environment })
    return await readFile(path)
  }

  it("is waited for once the controller is gone, which can't be a better one", async () => {
    relay.gone = true
    const progress = (event: { phase: string }): void => {
      if (event.phase === "retry" && server === undefined) void connect()
    }
    const tuning = { firstDelaySeconds: 0.01, longestDelaySeconds: 0.05, attempts: 500 }
    expect((await fetch("auto", { progress, tuning })).equals(BODY)).to.equal(true)
    expect(setup.notices()).to.deep.equal([])
  })

  it("is taken again when the controller, through which the download came, is gone", async () => {
    relay.cuts = true
    relay.onCut = connect
    expect((await fetch("auto")).equals(BODY)).to.equal(true)
    expect(relay.asked).to.deep.equal([url])
    expect(ranges).to.deep.equal(["bytes=100000-"])
    expect(setup.notices()[0]).to.contain("finds no way out")
  })

  for (const mode of ["auto", "always"] as const) {
    it(`leads nowhere without the controller: the download stops and can be continued (${mode})`, async () => {
      relay.cuts = true
      expect((await rejection(fetch(mode))).code).to.equal("CONNECTION_LOST")
      relay = new FakeRelay()
      expect((await fetch(mode)).equals(BODY)).to.equal(true)
    })
  }

  it("that there is none leaves out the mirrors that the machine doesn't reach, and no others", async () => {
    const { origin } = setup
    origin.route("/b.bin", { body: BODY })
    const wayOut = new WayOut({ relay, mode: "auto", progress: () => {} })
    const environment = { HOME: setup.folder, HTTPS_PROXY: "http://127.0.0.1:1" }
    const mirrors = { [`http://127.0.0.1:${port}/`]: [origin.at("/"), "http://127.0.0.1:1/"] }
    const fetchFile = (name: string) =>
      setup.fetch({ urls: [url.replace("a.bin", name)] }, { wayOut, environment, mirrors })
    expect(await fetchFile("a.bin")).to.include({ source: url })
    expect(await fetchFile("b.bin")).to.include({ source: origin.at("/b.bin") })
    setup.events.length = 0
    const last = url.replace("a.bin", "c.bin")
    expect(await fetchFile("c.bin")).to.include({ source: last })
    expect(setup.notices()).to.deep.equal([
      `Left ${origin.at("/c.bin")} for ${last}: the server answered 404 (not found)`,
    ])
    expect(relay.asked).to.deep.equal([url, last])
  })

  it("that all is to be relayed leaves out the mirrors, which the controller doesn't know", async () => {
    const mirrors = { [`http://127.0.0.1:${port}/`]: ["http://127.0.0.1:1/", "http://127.0.0.1:2/"] }
    expect((await fetch("auto", { mirrors })).equals(BODY)).to.equal(true)
    expect(relay.asked).to.deep.equal([url])
    const wayOut = new WayOut({ relay, mode: "always", progress: () => {} })
    const other = `${url}?other`
    await setup.fetch({ urls: [other] }, { mirrors, wayOut })
    expect(relay.asked).to.deep.equal([url, other])
  })
})
