import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createServer, request as httpRequest } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { rejection } from "../../helpers/rejection.ts"
import { startRawServer, type RawServer } from "../../helpers/raw-server.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const found = (text: string, headers = ""): string =>
  `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${text.length}\r\n\r\n${text}`
const elsewhere = (location: string, headers = ""): string =>
  `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n${headers}Content-Length: 0\r\n\r\n`

describe("published advisories of undici", () => {
  let setup: FetchSetup
  const servers: RawServer[] = []
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
    await setup.close()
  })
  const start = async (...args: Parameters<typeof startRawServer>): Promise<RawServer> => {
    const server = await startRawServer(...args)
    servers.push(server)
    return server
  }
  const headersOf = (head: string | undefined): string[] =>
    (head ?? "")
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(":")[0]?.toLowerCase() ?? "")

  it("GHSA-3cvr-822r-rqcc, GHSA-5r9g-qh6m-jxff: line ends in an address add no header to the request", async () => {
    const server = await start((request) =>
      request % 2 === 0 ? elsewhere("/x%0d%0aX-Evil:%201\tHTTP/1.1\x0bX-Evil: 2") : found("hello"),
    )
    for (const path of ["/a", "/a\r\nX-Evil: 1", "/a%0d%0aX-Evil: 1"]) {
      await setup.fetch({ urls: [server.at(path)] }).catch((error: unknown) => {
        expect(error).to.have.property("code", "DOWNLOAD_FAILED")
      })
    }
    expect(server.requests.length).to.be.above(0)
    for (const head of server.requests) expect(headersOf(head)).not.to.include("x-evil")
    const host = await rejection(setup.fetch({ urls: ["http://127.0.0.1\r\n.evil:1/ X"] }))
    expect(host.exitStatus).to.equal(4)
  })

  it("GHSA-8qr4-xgw6-wmr3: a path that looks like another address stays a path", async () => {
    const [own, other] = [await start(() => found("own")), await start(() => found("other"))]
    for (const path of [`//127.0.0.1:${other.port}/x`, `/http://127.0.0.1:${other.port}/x`]) {
      const { path: file } = await setup.fetch({ urls: [own.at(path)] })
      expect(await readFile(file, "utf8")).to.equal("own")
    }
    expect(other.requests).to.deep.equal([])
  })

  for (const id of ["GHSA-q768-x9m6-m9qp", "GHSA-wqq4-5wpv-mx2g"]) {
    it(`${id}: cookies go to nobody but who set them, least of all across a redirect`, async () => {
      const other = await start(() => found("hello"))
      const own = await start(() => elsewhere(other.at("/b"), "Set-Cookie: secret=1; Path=/\r\n"))
      await setup.fetch({ urls: [own.at("/a").replace("//", "//me:word@")] })
      expect(headersOf(own.requests[0])).to.include("authorization")
      expect(headersOf(other.requests[0])).to.not.include.members(["cookie"])
      expect(headersOf(other.requests[0])).to.not.include.members(["authorization"])
    })
  }

  it("GHSA-3787-6prv-h9w3, GHSA-m4v8-wqvr-p9f7: a proxy's password goes to the proxy alone", async () => {
    const seen: (string | undefined)[] = []
    const proxy = createServer((incoming, outgoing) => {
      seen.push(incoming.headers["proxy-authorization"])
      // RFC 9110, section 11.7.2: it is for the first proxy that wants it.
      const { "proxy-authorization": _, ...headers } = incoming.headers
      httpRequest(incoming.url ?? "", { headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      }).end()
    })
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
    const { port } = proxy.address() as AddressInfo
    try {
      const { origin } = setup
      const direct = origin.at("/b", "127.0.0.2")
      origin.route("/a", { body: "", redirect: { to: direct } })
      origin.route("/b", { body: "hello" })
      const environment = {
        HOME: setup.folder,
        HTTP_PROXY: `http://me:word@127.0.0.1:${port}`,
        NO_PROXY: "127.0.0.2",
      }
      await setup.fetch({ urls: [origin.at("/a")] }, { environment })
      expect(seen).to.deep.equal([`Basic ${Buffer.from("me:word").toString("base64")}`])
      expect(origin.requestsOf("/b")).to.have.length(1)
      for (const { headers } of origin.requests) expect(headers).not.to.have.property("proxy-authorization")
    } finally {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    }
  })

  it("GHSA-g9mf-h72j-4rw9: content codings without end are refused before a decoder is made", async () => {
    const codings = Array.from({ length: 1500 }, () => "gzip").join(", ")
    const server = await start(() => found("hello", `Content-Encoding: ${codings}\r\n`))
    const error = await rejection(setup.fetch({ urls: [server.at("/a")] }))
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(error.message).to.match(/coded 1500 times over$/)
  })

  it("GHSA-35p6-xmwp-9g52: what a server says beyond its answer is not the next one's answer", async () => {
    const server = await start((_, path) => found(`for ${path}`) + found("poisoned"), { keepOpen: true })
    for (const path of ["/a", "/b", "/c"]) {
      const { path: file } = await setup.fetch({ urls: [server.at(path)] })
      expect(await readFile(file, "utf8")).to.equal(`for ${path}`)
    }
  })

  it("GHSA-8xcm-r25x-g524, GHSA-r53p-7pc4-xj5r: another try never joins two answers", async () => {
    const old = randomBytes(20).toString("hex")
    const now = randomBytes(20).toString("hex")
    const part = (etag: string, range: string, text: string): string =>
      `HTTP/1.1 206 Partial Content\r\nETag: "${etag}"\r\nContent-Range: bytes ${range}/40\r\nContent-Length: ${text.length}\r\n\r\n${text}`
    const answers = [
      `HTTP/1.1 200 OK\r\nETag: "old"\r\nContent-Length: 40\r\n\r\n${old.slice(0, 10)}`,
      part("now", "10-39", now.slice(10)),
      `HTTP/1.1 200 OK\r\nETag: "now"\r\nContent-Length: 40\r\n\r\n${now.slice(0, 20)}`,
      part("now", "20-39", now.slice(20)) + part("now", "0-39", old),
    ]
    const server = await start((request) => answers[request] ?? "")
    const { path } = await setup.fetch({ urls: [server.at("/a")] })
    expect(await readFile(path, "utf8")).to.equal(now)
  })

  it("GHSA-2mjp-6q6p-2qxm: a request says its host once, and has no body", async () => {
    const server = await start(() => found("hello"))
    await setup.fetch({ urls: [server.at("/a")] })
    const names = headersOf(server.requests[0])
    expect(names.filter((name) => name === "host")).to.have.length(1)
    expect(names).to.not.include.members(["content-length"])
    expect(names).to.not.include.members(["transfer-encoding"])
  })

  /** Of what other advisories speak nothing is used; whoever begins to must look at them first. */
  const UNUSED: Readonly<Record<string, readonly string[]>> = {
    fetch: [
      "GHSA-r6ch-mqf9-qc9w",
      "GHSA-9qxr-qj54-h672",
      "GHSA-9f24-jqhm-jfcw",
      "GHSA-f772-66g8-q5h3",
      "GHSA-c76h-2ccp-4975",
      "GHSA-m8rv-5g2x-5cg5",
    ],
    "arrayBuffer()": ["GHSA-3g92-w8c5-73pq"],
    WebSocket: [
      "GHSA-f269-vfmq-vjvj",
      "GHSA-vrm6-8vpv-qv8q",
      "GHSA-v9p9-hfj2-hcw8",
      "GHSA-vxpw-j846-p89q",
      "GHSA-rfgv-xxqx-mfg5",
    ],
    upgrade: ["GHSA-4992-7rv2-5pvq"],
    cookies: ["GHSA-p88m-4jfj-68fv", "GHSA-g8m3-5g58-fq7m", "GHSA-v3r7-h72x-cjcm"],
    interceptors: ["GHSA-phc3-fgpg-7m6h", "GHSA-pr7r-676h-xcf6", "GHSA-jr45-8vmc-qm54"],
  }
  it(`nothing else of it is used: ${Object.values(UNUSED).flat().join(", ")}`, () => {
    const names = new Set<string>()
    for (const file of sources()) {
      for (const [, list = ""] of readFileSync(file, "utf8").matchAll(/import \{([^}]*)\} from "undici"/g)) {
        for (const name of list.split(",")) if (!name.trim().startsWith("type ")) names.add(name.trim())
      }
      expect(readFileSync(file, "utf8"), file).not.to.match(
        /(?:import\(|from )"undici\/|\* as undici|globalThis\.fetch\(|\.arrayBuffer\(/,
      )
    }
    expect([...names].sort()).to.deep.equal(["Agent", "Pool", "ProxyAgent", "request"])
  })
})

function sources(): string[] {
  const root = fileURLToPath(new URL("../../../packages", import.meta.url))
  const names = ["agent", "outgoing", "controller"].flatMap((name) =>
    readdirSync(join(root, name, "src"), { recursive: true, encoding: "utf8" }).map((file) =>
      join(root, name, "src", file),
    ),
  )
  return names.filter((name) => name.endsWith(".ts"))
}
