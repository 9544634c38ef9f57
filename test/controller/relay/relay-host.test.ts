import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { buffer } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { WayOut } from "../../../packages/agent/src/fetch/way-out.ts"
import { setUpFetch, type FetchSetup } from "../../agent/fetch/fetch-setup.ts"
import { linkRelay, type LinkedRelay } from "../../fixtures/linked-relay.ts"
import { until } from "../../helpers/job-lab.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe("requests that leave through the controller", () => {
  let origin: Origin
  let linked: LinkedRelay
  let relay: LinkedRelay["relay"]
  let client: LinkedRelay["client"]
  let host: LinkedRelay["host"]
  let refused: string[]
  const content = randomBytes(24 * 1024 * 1024)

  beforeEach(async () => {
    origin = await startOrigin({ "/file": { body: content }, "/other": { body: "other" } })
    linked = linkRelay(() => ({
      urls: [origin.at("/file")],
      prefixes: [origin.at("/bucket/"), "https://127.0.0.1/secure"],
    }))
    ;({ relay, client, host, refused } = linked)
  })
  afterEach(async () => {
    linked.close()
    await origin.close()
  })

  const get = (url: string, headers: Record<string, string> = {}, signal = new AbortController().signal) =>
    relay.request({ url, method: "GET", headers, signal })

  it("bring status, headers and every byte", async () => {
    const { status, headers, body } = await get(origin.at("/file"))
    expect(status).to.equal(200)
    expect(headers["content-length"]).to.equal(String(content.length))
    expect((await buffer(body)).equals(content)).to.equal(true)
  })

  it("are not begun for an agent that asks for a fraction of a byte", async () => {
    host.receive("$/relay/open", { stream: 1, method: "GET", url: origin.at("/file"), headers: {}, credit: 0.5 })
    host.receive("$/relay/open", { stream: 2, method: "GET", url: origin.at("/file"), headers: {}, credit: 1 })
    host.receive("$/relay/credit", { stream: 2, bytes: 0.5 })
    while (origin.requests.length === 0) await sleep(5)
    await sleep(20)
    expect(origin.requests).to.have.length(1)
  })

  it("bring ranges, several at once", async () => {
    const parts = await Promise.all(
      [0, 1, 2, 3].map(async (part) => {
        const { status, body } = await get(origin.at("/file"), { range: `bytes=${part * 1e6}-${part * 1e6 + 999_999}` })
        expect(status).to.equal(206)
        return await buffer(body)
      }),
    )
    expect(Buffer.concat(parts).equals(content.subarray(0, 4e6))).to.equal(true)
  })

  it("are held back by who does not read, and let the others pass", async () => {
    const unread = await get(origin.at("/file"))
    await sleep(300)
    // A window's worth, and what the sockets between take.
    expect(origin.requestsOf("/file")[0]?.sent).to.be.lessThan(16 * 1024 * 1024)
    const other = await get(origin.at("/file"))
    expect((await buffer(other.body)).length).to.equal(content.length)
    expect((await buffer(unread.body)).equals(content)).to.equal(true)
  })

  it("are refused for addresses that are none of the plan's", async () => {
    for (const address of [
      origin.at("/other?token=secret"),
      origin.at("/file?x"),
      origin.at("/bucketed"),
      "file:///etc/passwd",
    ]) {
      expect(await failure(get(address))).to.have.property("code", "REFUSED")
    }
    expect(origin.requests).to.have.length(0)
    expect(refused[0]).to.equal(origin.at("/other"))
  })

  it("follow a redirect that the server gave, and no other", async () => {
    origin.route("/bucket/a", { body: "", redirect: { to: origin.at("/other", "127.0.0.2") } })
    expect(await failure(get(origin.at("/other", "127.0.0.2")))).to.have.property("code", "REFUSED")
    const { status, headers } = await get(origin.at("/bucket/a"))
    expect([status, headers["location"]]).to.deep.equal([302, origin.at("/other", "127.0.0.2")])
    const { body } = await get(origin.at("/other", "127.0.0.2"))
    expect((await buffer(body)).toString()).to.equal("other")
  })

  it("carry the login and the cookies that are meant for the server, and no other header", async () => {
    const meant = { authorization: "Basic eA==", cookie: "a=b" }
    const { body } = await get(origin.at("/file"), { ...meant, "x-other": "c", range: "bytes=0-0" })
    await buffer(body)
    expect(origin.requests[0]?.headers).to.include(meant).and.not.have.property("x-other")
  })

  it("bring back cookies, a line each", async () => {
    const cookies = ["a=b,c", "d=e"]
    origin.route("/bucket/a", { body: "", fail: { status: 404, headers: { "set-cookie": cookies } } })
    const { headers } = await get(origin.at("/bucket/a"))
    expect(headers).to.include({ "set-cookie": cookies.join("\n") })
  })

  it("tell of transfer codings, which nobody has undone", async () => {
    const coding = { "transfer-encoding": "gzip, chunked" }
    origin.route("/bucket/a", { body: "", fail: { status: 404, headers: coding } })
    expect((await get(origin.at("/bucket/a"))).headers).to.include(coding)
  })

  it("end with the code of what failed on the way", async () => {
    await origin.close()
    expect(await failure(get(origin.at("/file")))).to.have.property("code", "ECONNREFUSED")
  })

  describe("end a download, and blame the controller's proxy where that", () => {
    const refuse = async (): Promise<{ port: number; close(): void }> => {
      const server = createServer()
      server.on("connect", (_, socket: Socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
    }
    let setup: FetchSetup
    // Each by itself: another object in the place of process.env is not what os.tmpdir() and the like read.
    const names = ["http_proxy", "https_proxy", "no_proxy"]
    let before: (string | undefined)[]
    beforeEach(async () => {
      setup = await setUpFetch()
      before = names.map((name) => process.env[name])
    })
    afterEach(async () => {
      for (const [index, name] of names.entries()) {
        if (before[index] === undefined) delete process.env[name]
        else process.env[name] = before[index]
      }
      await setup.close()
    })
    const failedThrough = async (proxy: string, url: string): Promise<DatamaestroError> => {
      Object.assign(process.env, { http_proxy: proxy, https_proxy: proxy, no_proxy: "" })
      const wayOut = new WayOut({ relay, mode: "always", progress: () => {} })
      const failed = await failure(setup.fetch({ urls: [url] }, { wayOut, tuning: { attempts: 1 } }))
      expect(failed).to.have.property("code", "DOWNLOAD_FAILED")
      return failed as DatamaestroError
    }

    it("is none", async () => {
      const { message } = await failedThrough("ftp://127.0.0.1:1", origin.at("/file"))
      expect(message).to.contain("the controller can't ask for it: Cannot use the proxy of the")
    })

    it("is not there; its login stays here", async () => {
      const { message } = await failedThrough("http://me:secret@127.0.0.1:1", origin.at("/file"))
      expect(message).to.contain(
        "the proxy http://127.0.0.1:1, which http_proxy of the controller names, can't be used: the connection was refused",
      )
      expect(message).not.to.contain("secret")
    })

    it("wants a login", async () => {
      const proxy = await refuse()
      const { message, hint } = await failedThrough(`http://127.0.0.1:${proxy.port}`, "https://127.0.0.1/secure")
      proxy.close()
      expect(message).to.contain(
        `:${proxy.port}, which https_proxy of the controller names, wants a login: it answered 407`,
      )
      expect(hint).to.contain("put user and password into https_proxy of the controller")
    })
  })

  it("end at the server too when nobody wants them any more", async () => {
    origin.route("/file", { body: content, throttle: 1_000_000 })
    const abort = new AbortController()
    const { body } = await get(origin.at("/file"), {}, abort.signal)
    const failed = failure(buffer(body))
    abort.abort(new Error("enough"))
    expect(await failed).to.have.property("message", "enough")
    await until(() => origin.underWay("/file") === 0)
    expect(origin.requestsOf("/file")[0]?.sent).to.be.below(content.length)
  })

  it("end resumable when the controller goes away", async () => {
    origin.route("/file", { body: content, throttle: 1_000_000 })
    const { body } = await get(origin.at("/file"))
    const failed = failure(buffer(body))
    client.close()
    const error = await failed
    expect(error).to.be.instanceOf(DatamaestroError).and.have.property("code", "CONNECTION_LOST")
    expect(await failure(get(origin.at("/file")))).to.equal(error)
  })
})
