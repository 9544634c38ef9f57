import { expect } from "chai"
import { readFile } from "node:fs/promises"
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { rejection } from "../../helpers/rejection.ts"
import { startRawServer, type RawServer } from "../../helpers/raw-server.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const answer = (status: string, text: string | Buffer, ...headers: string[]): string =>
  [`HTTP/1.1 ${status}`, `Content-Length: ${text.length}`, ...headers, "", text.toString("latin1")].join("\r\n")

/** The beginning of a file, that can be continued. */
const CUT = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: "1"\r\n\r\nhello'

/** Answers that some servers give, and that are the file. */
const FILES: Readonly<Record<string, string>> = {
  "that is said to be coded in a way that is no coding": answer("200 OK", "hello", "Content-Encoding: None"),
  "as Amazon's tools upload it": answer("200 OK", gzipSync("hello"), "Content-Encoding: gzip,aws-chunked"),
  "deflated as it should be": answer("200 OK", deflateSync("hello"), "Content-Encoding: deflate"),
  "deflated without zlib's header": answer("200 OK", deflateRawSync("hello"), "Content-Encoding: deflate"),
  "whose headers name all other files": answer("200 OK", "hello", `Link: ${"<https://example.org/f>, ".repeat(4000)}`),
  "which a proxy on the way sent": answer("203 Non-Authoritative Information", "hello"),
}

/** Answers that promise the file for later. */
const LATER: Readonly<Record<string, string>> = {
  "has yet to make it": answer("202 Accepted", "soon"),
  "refuses it until a time": answer("403 Forbidden", "", "Retry-After: 0"),
}

describe("odd answers that servers give", () => {
  let setup: FetchSetup
  let server: RawServer | undefined
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(async () => {
    await server?.close()
    await setup.close()
  })

  const fetched = async (path: string): Promise<string> => {
    const download = await setup.fetch({ urls: [server?.at(path) ?? ""] })
    return await readFile(download.path, "latin1")
  }

  for (const [name, text] of Object.entries(FILES)) {
    it(`are the file ${name}`, async () => {
      server = await startRawServer(() => text)
      expect(await fetched("/a")).to.equal("hello")
    })
  }

  it("are the file whose headers name all other files also where a proxy brings them", async () => {
    server = await startRawServer(() => FILES["whose headers name all other files"] ?? "")
    const environment = { HOME: setup.folder, HTTP_PROXY: server.at("") }
    const download = await setup.fetch({ urls: ["http://elsewhere.example/a"] }, { environment })
    expect(await readFile(download.path, "latin1")).to.equal("hello")
  })

  for (const [suffix, coding] of [
    ["xz", "xz"],
    ["bz2", "x-bzip2"],
    ["zst", "zstd"],
  ] as const) {
    it(`are the .${suffix} that is declared to be coded so`, async () => {
      server = await startRawServer(() => answer("200 OK", "hello", `Content-Encoding: ${coding}`))
      expect(await fetched(`/a.${suffix}`)).to.equal("hello")
    })
  }

  for (const [name, text] of Object.entries(LATER)) {
    it(`are asked for again where the server ${name}`, async () => {
      server = await startRawServer((request) => (request === 0 ? text : answer("200 OK", "hello")))
      expect(await fetched("/a")).to.equal("hello")
    })
  }

  it("are pages for people, also after a comment, as XHTML, and coded", async () => {
    const pages: Readonly<Record<string, string>> = {
      "/comment.csv": answer("200 OK", "<!-- login -->\n<!-- v2 -->\n<!DOCTYPE html><title>Log in</title>"),
      "/xml.csv": answer("200 OK", '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">'),
      "/coded.csv": answer("200 OK", gzipSync("<html><title>Log in</title></html>"), "Content-Encoding: gzip"),
    }
    server = await startRawServer((_, path) => pages[path] ?? "")
    for (const path of Object.keys(pages)) {
      const error = await rejection(setup.fetch({ urls: [server.at(path)] }))
      expect(error.message, path).to.contain("HTML page instead of the file")
    }
    expect(await setup.suffixes()).to.not.include(".dl")
  })

  it("are longer than they say: the file may be cut short, unless a size or a sum says what it is", async () => {
    for (const [behind, declared, told] of [
      ["more", {}, true],
      ["more", { size: 5 }, false],
      ["\r\n", {}, false],
      ["", {}, false],
    ] as const) {
      for (const connection of ["close", "keep-alive"]) {
        const text = answer("200 OK", "hello", `Connection: ${connection}`) + behind
        server = await startRawServer(() => text)
        const { path } = await setup.fetch({ urls: [server.at("/a")], ...declared })
        expect(await readFile(path, "latin1")).to.equal("hello")
        const warning = `${server.at("/a")} may be cut short: the server sent more than the 5 bytes that it had announced`
        expect(setup.notices().includes(warning), `${behind} ${connection}`).to.equal(told)
        await server.close()
      }
    }
  })

  it("are the rest of a file, though their status says that it is all", async () => {
    const rest = answer("200 OK", "world", 'ETag: "1"', "Content-Range: bytes 5-9/10")
    server = await startRawServer((request) => (request === 0 ? CUT : rest))
    expect(await fetched("/a")).to.equal("helloworld")
  })

  it("are several parts with their own heads, which are no rest of a file", async () => {
    const headers = ['ETag: "1"', "Content-Range: bytes 5-9/10", "Content-Type: multipart/byteranges; boundary=X"]
    const parts = answer("206 Partial Content", "--X\r\n", ...headers)
    const all = answer("200 OK", "helloworld", 'ETag: "1"')
    server = await startRawServer((request) => [CUT, parts][request] ?? all)
    expect(await fetched("/a")).to.equal("helloworld")
  })

  it("are empty, though they are said to be coded", async () => {
    server = await startRawServer(() => answer("200 OK", "", "Content-Encoding: gzip"))
    expect(await fetched("/a")).to.equal("")
  })

  it("redirect to the same place twice over", async () => {
    server = await startRawServer((_, path) =>
      path === "/b" ? answer("200 OK", "hello") : answer("302 Found", "", "Location: /b", "Location: /b"),
    )
    expect(await fetched("/a")).to.equal("hello")
  })

  it("redirect with a body that never ends, which nobody waits for", async () => {
    server = await startRawServer(
      (_, path) => (path === "/a" ? "HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n" : answer("200 OK", "hello")),
      { keepOpen: true },
    )
    const { path } = await setup.fetch({ urls: [server.at("/a")] }, { tuning: { stallSeconds: 3600 } })
    expect(await readFile(path, "latin1")).to.equal("hello")
  })

  it("redirect until a cookie comes back, which goes to the server that set it alone", async () => {
    const over = "x=1; Max-Age=0"
    const other = await startRawServer(() => answer("302 Found", "", `Location: ${server?.at("/c") ?? ""}`))
    server = await startRawServer(
      (request) =>
        [
          answer("302 Found", "", `Location: ${other.at("/b")}`, "Set-Cookie: s=a,b=c; Path=/", "Set-Cookie: x=0"),
          answer("302 Found", "", "Location: /d", "Set-Cookie: t=2; HttpOnly", `Set-Cookie: ${over}`),
        ].at(request) ?? answer("200 OK", "hello"),
    )
    try {
      expect(await fetched("/a")).to.equal("hello")
      const cookies = [...server.requests, ...other.requests].map((head) => /^cookie: (.*)\r$/m.exec(head)?.[1])
      expect(cookies).to.deep.equal([undefined, "s=a,b=c; x=0", "s=a,b=c; t=2", undefined])
    } finally {
      await other.close()
    }
  })
})
