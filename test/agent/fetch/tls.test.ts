import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import type { IncomingHttpHeaders } from "node:http"
import { createSecureServer } from "node:http2"
import { createServer, type Server } from "node:https"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { startConnectProxy, startSocksProxy, type TestProxy } from "../../helpers/proxies.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const body = randomBytes(100_000)

function certify(subject: string, names: string, key: string, certificate: string): void {
  const create = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  const whose = ["-subj", subject, "-addext", `subjectAltName=${names}`]
  execFileSync("openssl", [...create, ...whose, "-keyout", key, "-out", certificate], { stdio: "ignore" })
}

describe("a download over TLS", () => {
  let setup: FetchSetup
  let server: Server
  let port: number
  let certificate: string
  let proxy: TestProxy | undefined
  const asked: { url: string; headers: IncomingHttpHeaders }[] = []

  beforeEach(async function () {
    setup = await setUpFetch()
    certificate = join(setup.folder, "certificate.pem")
    const key = join(setup.folder, "key.pem")
    try {
      certify("/CN=localhost", "DNS:localhost,IP:127.0.0.1", key, certificate)
    } catch {
      this.skip()
    }
    asked.length = 0
    server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
      asked.push({ url: request.url ?? "", headers: request.headers })
      if (request.url === "/down") response.writeHead(302, { location: setup.origin.at("/plain") }).end()
      else response.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    ;({ port } = server.address() as AddressInfo)
  })
  afterEach(async () => {
    await proxy?.close()
    proxy = undefined
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await setup.close()
  })

  for (const name of ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]) {
    it(`trusts the authorities of ${name}`, async () => {
      const environment = { HOME: setup.folder, [name]: certificate }
      const { path } = await setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment })
      expect(await readFile(path)).to.deep.equal(body)
    })
  }

  it("is refused, once and with what to do, where the certificate is not trusted (also GHSA-cxrh-j4jr-qwg3)", async () => {
    const error = await rejection(setup.fetch({ urls: [`https://localhost:${port}/a`] }))
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(error.message).to.include("its certificate is not accepted")
    expect(error.hint).to.include("SSL_CERT_FILE")
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
  })

  it("says what else may be wrong where the certificate is of another host", async () => {
    const [key, other] = [join(setup.folder, "other.key"), join(setup.folder, "other.pem")]
    certify("/CN=other", "DNS:other.example", key, other)
    server.setSecureContext({ key: readFileSync(key), cert: readFileSync(other) })
    const environment = { HOME: setup.folder, SSL_CERT_FILE: other }
    const error = await rejection(setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment }))
    expect(error.message).to.include("ALTNAME")
    expect(error.hint).to.include("check the URL, and the clock").and.not.include("SSL_CERT_FILE")
  })

  /** What is told, once, of a server with the certificate that is trusted. */
  const refusal = async (urls: string[], environment: Readonly<Record<string, string>> = {}): Promise<string> => {
    const trusting = { HOME: setup.folder, SSL_CERT_FILE: certificate, ...environment }
    const error = await rejection(setup.fetch({ urls }, { environment: trusting }))
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
    return error.message
  }

  it("tells a server, and a proxy, that speaks no TLS", async () => {
    const told = "no TLS is spoken there (is it http://, not https://?)"
    expect(await refusal([setup.origin.at("/a").replace("http:", "https:")])).to.include(told)
    proxy = await startConnectProxy()
    const HTTPS_PROXY = `https://127.0.0.1:${proxy.port}`
    const message = await refusal([`https://localhost:${port}/a`], { HTTPS_PROXY })
    expect(message).to.include(`the proxy ${HTTPS_PROXY}, which HTTPS_PROXY names, can't be used: ${told}`)
  })

  it("tells a server that speaks no TLS behind a proxy that does", async () => {
    proxy = await startConnectProxy({
      key: readFileSync(join(setup.folder, "key.pem")),
      cert: readFileSync(certificate),
    })
    const HTTPS_PROXY = `https://localhost:${proxy.port}`
    const url = setup.origin.at("/a").replace("http:", "https:")
    const message = await refusal([url], { HTTPS_PROXY, SSL_CERT_FILE: certificate })
    expect(proxy.seen).to.have.length(1)
    expect(message).to.equal(`Cannot download "${url}": no TLS is spoken there (is it http://, not https://?)`)
  })

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`tells a server that wants a client's certificate (${version})`, async () => {
      const credentials = { key: readFileSync(join(setup.folder, "key.pem")), cert: readFileSync(certificate) }
      const strict = createServer({ ...credentials, requestCert: true, minVersion: version, maxVersion: version })
      await new Promise<void>((resolve) => strict.listen(0, "127.0.0.1", resolve))
      try {
        const url = `https://localhost:${(strict.address() as AddressInfo).port}/a`
        expect(await refusal([url])).to.include("wants a client's certificate")
      } finally {
        strict.close()
      }
    })
  }

  it("tells a server of old versions of TLS only", async () => {
    const credentials = { key: readFileSync(join(setup.folder, "key.pem")), cert: readFileSync(certificate) }
    const versions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const
    const old = createServer({ ...credentials, ...versions })
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve))
    try {
      const url = `https://localhost:${(old.address() as AddressInfo).port}/a`
      expect(await refusal([url])).to.include("the server speaks another version of TLS only")
    } finally {
      old.close()
    }
  })

  it("tells a server with HTTP/2 only", async () => {
    const credentials = { key: readFileSync(join(setup.folder, "key.pem")), cert: readFileSync(certificate) }
    const newer = createSecureServer(credentials)
    await new Promise<void>((resolve) => newer.listen(0, "127.0.0.1", resolve))
    try {
      const url = `https://localhost:${(newer.address() as AddressInfo).port}/a`
      expect(await refusal([url])).to.include("the server speaks HTTP/2 only")
    } finally {
      newer.close()
    }
  })

  it("names a certificate file that can't be read", async () => {
    const environment = { HOME: setup.folder, SSL_CERT_FILE: "/no/such/file.pem" }
    const error = await rejection(setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment }))
    expect(error.message).to.include("/no/such/file.pem")
  })

  it("goes on without NODE_EXTRA_CA_CERTS where that can't be read, as Node does, and warns once", async () => {
    const missing = join(setup.folder, "missing.pem")
    const environment = { HOME: setup.folder, SSL_CERT_FILE: certificate, NODE_EXTRA_CA_CERTS: missing }
    for (const name of ["a", "b"]) {
      const { path } = await setup.fetch({ urls: [`https://localhost:${port}/${name}`] }, { environment })
      expect(await readFile(path)).to.deep.equal(body)
    }
    expect(setup.notices()).to.have.length(1)
    expect(setup.notices()[0]).to.include(`"${missing}", which NODE_EXTRA_CA_CERTS names`)
  })

  it("has no certificates read where the server speaks plain http", async () => {
    setup.origin.route("/plain", { body })
    const missing = join(setup.folder, "missing.pem")
    const environment = { HOME: setup.folder, SSL_CERT_FILE: missing, NODE_EXTRA_CA_CERTS: missing }
    const { path } = await setup.fetch({ urls: [setup.origin.at("/plain")] }, { environment })
    expect(await readFile(path)).to.deep.equal(body)
    expect(setup.notices()).to.deep.equal([])
  })

  it("goes through an HTTP proxy by CONNECT", async () => {
    proxy = await startConnectProxy()
    const environment = {
      HOME: setup.folder,
      SSL_CERT_FILE: certificate,
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    }
    const { path } = await setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment })
    expect(await readFile(path)).to.deep.equal(body)
    expect(proxy.seen).to.deep.equal([`localhost:${port}`])
  })

  it("GHSA-pgw7-wx7w-2w33: holds the server's certificate against the same authorities behind a proxy", async () => {
    proxy = await startConnectProxy()
    const environment = { HOME: setup.folder, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
    const error = await rejection(setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment }))
    expect(error.message).to.include("its certificate is not accepted")
    expect(proxy.seen).to.have.length(1)
    expect(asked).to.deep.equal([])
  })

  for (const scheme of ["socks5", "socks5h"]) {
    it(`goes through a ${scheme} proxy, which resolves the name, plain and encrypted`, async () => {
      proxy = await startSocksProxy()
      setup.origin.route("/plain", { body })
      const environment = {
        HOME: setup.folder,
        SSL_CERT_FILE: certificate,
        ALL_PROXY: `${scheme}://127.0.0.1:${proxy.port}`,
      }
      const encrypted = await setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment })
      expect(await readFile(encrypted.path)).to.deep.equal(body)
      const plain = await setup.fetch({ urls: [setup.origin.at("/plain")] }, { environment })
      expect(await readFile(plain.path)).to.deep.equal(body)
      expect(proxy.seen).to.deep.equal([`localhost:${port}`, `127.0.0.1:${setup.origin.port}`])
    })
  }

  it("says which proxies it can't use", async () => {
    const environment = { HOME: setup.folder, ALL_PROXY: "socks4://127.0.0.1:1" }
    const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }, { environment }))
    expect(error).to.have.property("code", "DOWNLOAD_FAILED")
    expect(error.hint).to.include("socks5://")
  })

  it("takes no secret down to http, neither the URL's, nor a token, nor netrc's", async () => {
    setup.origin.route("/plain", { body })
    const environment = { HOME: setup.folder, SSL_CERT_FILE: certificate, DATAMAESTRO_TOKEN_127_0_0_1: "secret" }
    const tokens = { localhost: "from-settings", "127.0.0.1": "secret" }
    const { path } = await setup.fetch({ urls: [`https://localhost:${port}/down`] }, { environment, tokens })
    expect(await readFile(path)).to.deep.equal(body)
    expect(asked.map(({ headers }) => headers.authorization)).to.deep.equal(["Bearer from-settings"])
    await writeFile(join(setup.folder, ".netrc"), "machine 127.0.0.1 login me password word\n")
    const url = `https://user:word@localhost:${port}/down`
    await setup.fetch({ urls: [url] }, { environment: { HOME: setup.folder, SSL_CERT_FILE: certificate } })
    expect(asked.at(-1)?.headers.authorization).to.equal(`Basic ${Buffer.from("user:word").toString("base64")}`)
    expect(setup.origin.requests.map(({ headers }) => headers.authorization)).to.deep.equal([undefined, undefined])
  })

  it("prefers the environment's token to that of the settings", async () => {
    const environment = { HOME: setup.folder, SSL_CERT_FILE: certificate, DATAMAESTRO_TOKEN_LOCALHOST: "environment" }
    await setup.fetch({ urls: [`https://localhost:${port}/a`] }, { environment, tokens: { localhost: "settings" } })
    expect(asked[0]?.headers.authorization).to.equal("Bearer environment")
  })
})
