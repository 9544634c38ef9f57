import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { createServer, request as httpRequest, type Server } from "node:http"
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net"
import { join } from "node:path"
import { tokenVariable } from "../../../packages/agent/src/fetch/credentials.ts"
import { parseNetrc } from "../../../packages/agent/src/fetch/netrc.ts"
import { proxyFor } from "../../../packages/outgoing/src/proxy.ts"
import { sourcesOf } from "../../../packages/agent/src/fetch/sources.ts"
import { startRawServer } from "../../helpers/raw-server.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, type FetchSetup } from "./fetch-setup.ts"

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`

/** As a SOCKS proxy whose network refuses the connection (RFC 1928): no login is needed, then the reply 5. */
function refuseSocks(socket: Socket): void {
  socket.write(Buffer.from(socket.bytesRead < 10 ? [5, 0] : [5, 5, 0, 1, 0, 0, 0, 0, 0, 0]))
}

describe("sources of a download", () => {
  let setup: FetchSetup
  const body = randomBytes(1000)
  const integrity = [{ algorithm: "sha256", hex: sha256(body), of: "download" } as const]
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  it("are the mirrors, longest prefix first, before each URL, each once", () => {
    const mirrors = { "http://a/": "http://m/", "http://a/x/": ["http://n/", "http://o/"], "": "http://never/" }
    expect(sourcesOf(["http://a/x/1", "http://b/1", "http://a/x/1"], mirrors)).to.deep.equal([
      "http://n/1",
      "http://o/1",
      "http://m/x/1",
      "http://a/x/1",
      "http://b/1",
    ])
  })

  it("are left for the next when dead or wrong, with a notice; the key stays the plan's URL", async () => {
    const { origin } = setup
    origin.route("/dead/a", { body: "", fail: { status: 500 } })
    origin.route("/wrong/a", { body: "wrong" })
    origin.route("/login/a", { body: "", login: {} })
    origin.route("/good/a", { body })
    const url = origin.at("/good/a")
    const mirrors = { [origin.at("/good/")]: ["dead", "wrong", "login"].map((name) => origin.at(`/${name}/`)) }
    const result = await setup.fetch({ urls: [url], integrity, archive: true }, { mirrors })
    expect(result).to.include({ source: url, url, sha256: sha256(body) })
    expect(setup.notices().filter((message) => message.startsWith("Left"))).to.have.length(3)
    await result.release({ remove: true })
    origin.route("/dead/a", { body })
    const mirrored = await setup.fetch({ urls: [url], integrity }, { mirrors })
    expect(mirrored).to.include({ source: origin.at("/dead/a"), url })
    expect(mirrored.path).to.equal(result.path)
  })

  describe("that are slow without ever stalling", () => {
    const large = randomBytes(90_000)
    const sums = [{ algorithm: "sha256", hex: sha256(large), of: "download" } as const]
    const slow = { slowSeconds: 1, slowBytesPerSecond: 50_000 }
    const left = (): string[] => setup.notices().filter((message) => message.startsWith("Left"))

    it("are left for the next, which goes on with what came where a sum shows that it is the same", async () => {
      const { origin } = setup
      origin.route("/slow", { body: large, throttle: 30_000 })
      origin.route("/good", { body: large })
      const { tuning } = setup.context()
      const urls = [origin.at("/slow"), origin.at("/good")]
      const result = await setup.fetch({ urls, integrity: sums }, { tuning: { ...tuning, ...slow } })
      expect(result).to.include({ sha256: sha256(large), source: origin.at("/good") })
      expect(left()).to.have.length(1)
      expect(left()[0]).to.match(/slow for .*good: it brought less than 50 kB a second/)
      expect(origin.requestsOf("/good")[0]?.headers.range).to.match(/^bytes=[1-9]\d+-$/)
    })

    it("are left for the next, which begins anew where nobody knows how long the file is", async () => {
      const { origin } = setup
      origin.route("/slow", { body: large, throttle: 30_000, length: "chunked" })
      origin.route("/good", { body: large })
      const { tuning } = setup.context()
      const urls = [origin.at("/slow"), origin.at("/good")]
      const result = await setup.fetch({ urls, integrity: sums }, { tuning: { ...tuning, ...slow } })
      expect(result).to.include({ sha256: sha256(large), source: origin.at("/good") })
      expect(origin.requestsOf("/good").map(({ headers }) => headers.range)).to.deep.equal([undefined])
    })

    it("are taken all the same when no other works, from where they were left", async () => {
      const { origin } = setup
      origin.route("/slow", { body: large, throttle: 30_000 })
      const { tuning } = setup.context()
      const urls = [origin.at("/slow"), origin.at("/missing")]
      const result = await setup.fetch({ urls }, { tuning: { ...tuning, ...slow } })
      expect(result).to.include({ sha256: sha256(large), source: origin.at("/slow") })
      expect(left()).to.have.length(2)
      expect(origin.requestsOf("/slow").map(({ headers }) => headers.range !== undefined)).to.deep.equal([false, true])
    })

    it("are not left when they are nearly done, nor the only one", async () => {
      const { origin } = setup
      origin.route("/near", { body: large.subarray(0, 70_000), throttle: 30_000 })
      origin.route("/slow", { body: large, throttle: 30_000 })
      const tuning = { ...setup.context().tuning, ...slow, slowSeconds: 2 }
      await setup.fetch({ urls: [origin.at("/near"), origin.at("/missing")] }, { tuning })
      await setup.fetch({ urls: [origin.at("/slow")] }, { tuning })
      expect(left()).to.deep.equal([])
      expect(origin.requests).to.have.length(2)
    })
  })

  it("are all listed when none works", async () => {
    const { origin } = setup
    origin.route("/wrong", { body: "wrong" })
    const error = await rejection(setup.fetch({ urls: [origin.at("/missing"), origin.at("/wrong")], integrity }))
    expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
    expect(error.message)
      .to.include(`${origin.at("/missing")}: the server answered 404`)
      .and.include(origin.at("/wrong"))
    expect(error.details).to.have.property("tried").that.has.length(2)
  })

  describe("redirects", () => {
    it("are followed, relative ones and across hosts; the cache's key is the first URL", async () => {
      const { origin } = setup
      origin.route("/a", { body, redirect: { to: "/b", status: 301 } })
      origin.route("/b", { body, redirect: { to: origin.at("/c", "localhost"), status: 307 } })
      origin.route("/c", { body })
      expect((await setup.fetch({ urls: [origin.at("/a")] })).sha256).to.equal(sha256(body))
    })

    it("end somewhere", async () => {
      const { origin } = setup
      origin.route("/a", { body, redirect: { to: "/a" } })
      const error = await rejection(setup.fetch({ urls: [origin.at("/a")] }))
      expect(error.message).to.include("redirects more than 10 times")
      origin.route("/b", { body, redirect: { to: "file:///etc/passwd" } })
      expect((await rejection(setup.fetch({ urls: [origin.at("/b")] }))).message).to.include("file: address")
    })

    it("take no credentials to another host", async () => {
      const { origin } = setup
      origin.route("/a", { body, redirect: { to: "/b" } })
      origin.route("/b", { body, redirect: { to: origin.at("/c", "127.0.0.2") } })
      origin.route("/c", { body })
      await writeFile(join(setup.folder, ".netrc"), "default login d password e")
      await setup.fetch({ urls: [origin.at("/a").replace("//", "//user:secret@")] })
      expect(origin.requests.map(({ headers }) => headers.authorization)).to.deep.equal([
        basic("user:secret"),
        basic("user:secret"),
        undefined,
      ])
    })
  })

  describe("credentials", () => {
    it("in the URL are used and never shown", async () => {
      const { origin } = setup
      const again = { ranges: false, cutAfter: { bytes: 1, times: 1 } }
      origin.route("/a", { body, authorization: basic("us er:pa@ss"), ...again })
      const url = origin.at("/a").replace("//", "//us%20er:pa%40ss@")
      const result = await setup.fetch({ urls: [url] })
      await result.release({ remove: false })
      origin.route("/a", { body, fail: { status: 403 } })
      const error = await rejection(setup.fetch({ urls: [`${url}?token=hush`] }))
      const shown = JSON.stringify([
        result,
        setup.events,
        error.message,
        error.hint,
        error.details,
        await setup.cache.list(),
      ])
      expect(shown)
        .to.contain("Starting over")
        .and.not.match(/pa@ss|pa%40ss|hush/)
      expect(await setup.suffixes()).to.deep.equal([".dl", ".json"])
    })

    it("come from ~/.netrc", async () => {
      const { origin } = setup
      origin.route("/a", { body, authorization: basic("me:word") })
      await writeFile(
        join(setup.folder, ".netrc"),
        "machine other login x password y\nmachine 127.0.0.1\n login me\n password word\n",
      )
      const { path } = await setup.fetch({ urls: [origin.at("/a")] })
      expect(await readFile(path)).to.deep.equal(body)
    })

    it("come from the environment as a token for the host alone", async () => {
      const { origin } = setup
      origin.route("/a", { body, authorization: "Bearer t0ken", redirect: { to: "/x", times: 0 } })
      origin.route("/b", { body, redirect: { to: origin.at("/a", "127.0.0.2") } })
      const environment = { HOME: setup.folder, DATAMAESTRO_TOKEN_127_0_0_1: "t0ken" }
      await setup.fetch({ urls: [origin.at("/a")] }, { environment })
      const error = await rejection(setup.fetch({ urls: [origin.at("/b")] }, { environment }))
      expect(error.message).to.include("401")
      expect(error.hint).to.include("~/.netrc")
    })

    it("have one variable a host", () => {
      expect(tokenVariable("huggingface.co")).to.equal("DATAMAESTRO_TOKEN_HUGGINGFACE_CO")
      expect(tokenVariable("api-example.com")).not.to.equal(tokenVariable("api.example.com"))
    })

    it("are read from .netrc as curl does", () => {
      const text =
        '# machine evil login x password y\nmachine a login "b c" password "d\\"e" account z\nmacdef init\nmachine evil login x\n\ndefault login #u password #p'
      expect(parseNetrc(text)).to.deep.equal([
        { machine: "a", login: "b c", password: 'd"e' },
        { machine: undefined, login: "#u", password: "#p" },
      ])
    })
  })

  describe("credentials in a .netrc with a quote that is not closed", () => {
    const text =
      'macdef init\nfoo\n\nmachine 127.0.0.1 login me\n password "word and more\nmachine b login c password "d e"\n'

    it("are told by their line, without what they are: the server would only say 401", async () => {
      const { origin } = setup
      origin.route("/a", { body, authorization: basic("me:word and more") })
      await writeFile(join(setup.folder, ".netrc"), text)
      const error = await rejection(setup.fetch({ urls: [origin.at("/a")] }))
      expect(error).to.include({
        code: "MALFORMED_SETTINGS",
        message: `Cannot read the login for "127.0.0.1" in "${join(setup.folder, ".netrc")}", line 5: a quote is not closed`,
      })
      expect(origin.requests).to.have.lengthOf(0)
    })

    it("concern no other host", () => {
      expect(parseNetrc(text)[1]).to.deep.equal({ machine: "b", login: "c", password: "d e" })
    })
  })

  describe("proxies", () => {
    let proxy: Server
    let port: number
    const seen: string[] = []
    beforeEach(async () => {
      seen.length = 0
      // RFC 9112, section 3.2.2: a proxy gets the whole URL in the request line.
      proxy = createServer((incoming, outgoing) => {
        seen.push(incoming.url ?? "")
        const onward = httpRequest(incoming.url ?? "", { headers: incoming.headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(outgoing)
        })
        onward.end()
      })
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
      ;({ port } = proxy.address() as AddressInfo)
    })
    afterEach(() => {
      proxy.closeAllConnections()
      return new Promise((resolve) => proxy.close(resolve))
    })

    it("that can't be reached is what the failure names, with its variable and without its password", async () => {
      const dead = "http://me:secret@127.0.0.1:1"
      const environment = { HOME: setup.folder, HTTP_PROXY: dead }
      const error = await rejection(setup.fetch({ urls: ["http://data.example.org/a"] }, { environment }))
      expect(error).to.have.property("code", "DOWNLOAD_FAILED")
      expect(error.message)
        .to.contain("the proxy http://127.0.0.1:1, which HTTP_PROXY names, can't be used: the connection was refused")
        .and.not.contain("secret")
    })

    it("that speaks TLS, though its address says otherwise, is told", async () => {
      const alert = await startRawServer(() => "\x15\x03\x01\0\x02\x02\x46")
      try {
        const environment = { HOME: setup.folder, HTTP_PROXY: alert.at("") }
        const error = await rejection(setup.fetch({ urls: ["http://data.example.org/a"] }, { environment }))
        expect(error.message).to.contain(`the proxy ${alert.at("")}, which HTTP_PROXY names, can't be used: TLS is`)
      } finally {
        await alert.close()
      }
    })

    it("that wants a login, or refuses, is told so at once", async () => {
      const refusing = createServer((_, outgoing) => outgoing.writeHead(407, { "proxy-authenticate": "Basic" }).end())
      let status = 407
      refusing.on("connect", (_, socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`))
      await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve))
      const address = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
      const environment = { HOME: setup.folder, ALL_PROXY: address }
      const told = async (url: string) => {
        const error = await rejection(setup.fetch({ urls: [url] }, { environment }))
        return [error.message, error.hint]
      }
      try {
        const login = [
          `the proxy ${address}, which ALL_PROXY names, wants a login: it answered 407`,
          "put user and password into ALL_PROXY of the data machine: http://user:password@proxy:port",
        ]
        for (const url of ["http://data.example.org/a", "https://data.example.org/a"]) {
          expect(await told(url)).to.deep.equal([`Cannot download "${url}": ${login[0]}`, login[1]])
        }
        status = 403
        const [message] = await told("https://data.example.org/b")
        expect(message).to.match(/the proxy .*, which ALL_PROXY names, refused: it answered 403$/)
      } finally {
        refusing.close()
      }
    })

    for (const [what, scheme, onData, reason] of [
      ["closes the connection", "http", (socket: Socket) => socket.end(), "the connection was closed"],
      ["never answers", "http", () => {}, "no answer in time"],
      ["closes the connection", "socks5", (socket: Socket) => socket.end(), "it does not answer"],
      ["refuses", "socks5", refuseSocks, "from there the connection was refused"],
    ] as const) {
      it(`of ${scheme}: that ${what} instead of connecting is told, and not asked without end`, async () => {
        let connections = 0
        const open = new Set<Socket>()
        const bad = createTcpServer((socket) => {
          connections++
          open.add(socket)
          socket.on("error", () => {}).on("data", () => onData(socket))
        })
        await new Promise<void>((resolve) => bad.listen(0, "127.0.0.1", resolve))
        const address = `${scheme}://127.0.0.1:${(bad.address() as AddressInfo).port}`
        const overrides = {
          environment: { HOME: setup.folder, HTTPS_PROXY: address },
          tuning: { connectSeconds: 0.1, attempts: 1 },
          // It never came to an end.
          signal: AbortSignal.timeout(15_000),
        }
        try {
          const error = await rejection(setup.fetch({ urls: ["https://data.example.org/a"] }, overrides))
          expect(error.message).to.contain(`the proxy ${address}, which HTTPS_PROXY names, can't be used: ${reason}`)
          expect(error).to.have.property("code", "DOWNLOAD_FAILED")
          expect(connections).to.equal(1)
        } finally {
          for (const socket of open) socket.destroy()
          bad.close()
        }
      })
    }

    for (const name of ["HTTP_PROXY", "ALL_PROXY"]) {
      it(`of ${name} is used, except for NO_PROXY`, async () => {
        const { origin } = setup
        origin.route("/a", { body })
        origin.route("/b", { body })
        const environment = { HOME: setup.folder, [name]: `http://127.0.0.1:${port}` }
        await setup.fetch({ urls: [origin.at("/a")] }, { environment })
        expect(seen).to.deep.equal([origin.at("/a")])
        await setup.fetch(
          { urls: [origin.at("/b")] },
          { environment: { ...environment, NO_PROXY: "x.org, 127.0.0.1" } },
        )
        expect(seen).to.have.length(1)
      })
    }

    it("are chosen as curl does", () => {
      const environment = { HTTPS_PROXY: "s:1", ALL_PROXY: "http://a:2", no_proxy: ".in.org,[::1],x.org:8080" }
      expect(proxyFor(new URL("https://h/"), environment)).to.equal("http://s:1")
      expect(proxyFor(new URL("http://h/"), environment)).to.equal("http://a:2")
      expect(proxyFor(new URL("http://www.in.org/"), environment)).to.equal(undefined)
      expect(proxyFor(new URL("http://plain.org/"), environment)).to.equal("http://a:2")
      expect(proxyFor(new URL("http://x.org/"), environment)).to.equal("http://a:2")
      expect(proxyFor(new URL("http://x.org:8080/"), environment)).to.equal(undefined)
      expect(proxyFor(new URL("http://[::1]/"), environment)).to.equal(undefined)
      expect(proxyFor(new URL("http://h/"), { ALL_PROXY: "a", NO_PROXY: "*" })).to.equal(undefined)
      // A name is the same with the dot that may end it.
      for (const [host, list] of [
        ["a.org.", "a.org"],
        ["a.org", "a.org."],
      ]) {
        expect(proxyFor(new URL(`http://${host}/`), { ALL_PROXY: "a", NO_PROXY: list })).to.equal(undefined)
      }
    })

    it("are not used within the networks of NO_PROXY", () => {
      const environment = { ALL_PROXY: "http://a:2", NO_PROXY: "localhost,10.0.0.0/8, fd00::/8,192.168.0.0/33" }
      const direct = (url: string): boolean => proxyFor(new URL(url), environment) === undefined
      for (const url of ["http://10.1.2.3:8080/", "https://[fd12::1]/"]) expect(direct(url), url).to.equal(true)
      for (const url of ["http://11.1.2.3/", "http://[fe80::1]/", "http://192.168.0.1/", "http://h/"])
        expect(direct(url), url).to.equal(false)
    })
  })
})
