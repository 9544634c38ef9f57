import { expect } from "chai"
import { readFile } from "node:fs/promises"
import { rejection } from "../../helpers/rejection.ts"
import { startRawServer, type RawServer } from "../../helpers/raw-server.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const found = (length: number, text: string, headers = ""): string =>
  `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${length}\r\n\r\n${text}`

const NO_LENGTH = { told: /answer gives no single length/, once: true } as const

const LINES = { told: /headers of the server's answer are not HTTP's/, once: true } as const

/** Answers that no server should give, and what a person is told. */
const REFUSED: Readonly<Record<string, { answer: string; told: RegExp; once?: true }>> = {
  "lengths that contradict each other": {
    answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 10\r\n\r\nhello",
    ...NO_LENGTH,
  },
  "the same length twice": { answer: found(5, "hello", "Content-Length: 5\r\n"), ...NO_LENGTH },
  "the same length as a list": { answer: "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", ...NO_LENGTH },
  "a length and chunks": {
    answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ...NO_LENGTH,
  },
  "chunks and a length, after a preliminary answer": {
    answer: `HTTP/1.1 103 Early Hints\r\n\r\n${found(3, "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n")}`,
    ...NO_LENGTH,
  },
  "a negative length": { answer: found(-5, "hello"), ...NO_LENGTH },
  "lines that end in LF alone": { answer: found(5, "hello").replaceAll("\r\n", "\n"), ...LINES },
  "one header that ends in LF alone": { answer: found(5, "hello", "X-A: one\n"), ...LINES },
  "a header that goes on in the next line": { answer: found(5, "hello", "X-A: one\r\n two\r\n"), ...LINES },
  "HTTP/2, which begins with its settings": {
    answer: "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
    told: /the server speaks HTTP\/2 only/,
    once: true,
  },
  "TLS, which has no use for plain text": {
    answer: "\x15\x03\x01\0\x02\x02\x46",
    told: /TLS is spoken there \(is it https:/,
    once: true,
  },
  "a transfer coding that was not asked for": {
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    told: /the transfer coding "gzip", which was not asked for/,
    once: true,
  },
  "a transfer coding around the chunks": {
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    told: /the transfer coding "gzip", which was not asked for/,
    once: true,
  },
  "a chunk of no size": {
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    told: /answer is not HTTP/,
  },
  "a chunk without an end": {
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
    told: /closed the connection/,
  },
  "headers without end": { answer: found(5, "hello", `X: ${"a".repeat(300_000)}\r\n`), told: /too many headers/ },
  "another protocol": { answer: "SSH-2.0-OpenSSH_9.2\r\n", told: /answer is not HTTP/ },
  "no headers at all": { answer: "hello", told: /answer is not HTTP/ },
  "a status that is none": { answer: "HTTP/1.1 000 What\r\nContent-Length: 0\r\n\r\n", told: /answer is not HTTP/ },
  "another protocol that was not asked for": {
    answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhello",
    told: /the server closed the connection/,
  },
  "a part that was not asked for": {
    answer: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello",
    told: /the server answered 206/,
  },
  "no content": { answer: "HTTP/1.1 204 No Content\r\n\r\n", told: /the server answered 204/ },
  "preliminary answers and no other": {
    answer: "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000),
    told: /the server closed the connection/,
  },
  "preliminary answers without end": {
    answer: "HTTP/1.1 102 Processing\r\n\r\n".repeat(1001),
    told: /preliminary answers \(1xx\) without end/,
    once: true,
  },
}

describe("answers that are no proper HTTP", () => {
  let setup: FetchSetup
  let server: RawServer | undefined
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(async () => {
    await server?.close()
    await setup.close()
  })

  for (const [name, { answer, told, once }] of Object.entries(REFUSED)) {
    it(`are told, not taken for the file: ${name}`, async () => {
      server = await startRawServer(() => answer)
      const error = await rejection(setup.fetch({ urls: [server.at("/a")] }))
      expect(error.exitStatus, error.message).to.be.oneOf([4, 5])
      expect(error.message).to.match(told)
      if (once) expect(server.requests).to.have.length(1)
      expect(await setup.suffixes()).to.satisfy((names: string[]) => names.every((one) => !one.endsWith(".dl")))
    })
  }

  it("are got over when the next one is right, in the middle of a file too", async () => {
    const part = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
    server = await startRawServer((request) => [part, "garbage\r\n", found(10, "hello, you")][request] ?? "")
    const { path } = await setup.fetch({ urls: [server.at("/a")] })
    expect(await readFile(path, "utf8")).to.equal("hello, you")
  })

  it("that send an ETag beyond ASCII get it back byte for byte", async () => {
    const etag = '"\u00e9\u00ff"'
    server = await startRawServer((request) =>
      request === 0
        ? found(10, "hello", `ETag: ${etag}\r\n`)
        : `HTTP/1.1 206 Partial Content\r\nETag: ${etag}\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n, you`,
    )
    const { path } = await setup.fetch({ urls: [server.at("/a")] })
    expect(await readFile(path, "utf8")).to.equal("hello, you")
    expect(server.requests[1]).to.include(`if-range: ${etag}\r\n`)
  })

  it("that redirect to an address with unescaped letters are followed as browsers do", async () => {
    const location = Buffer.from("/中é").toString("latin1")
    server = await startRawServer((request) =>
      request === 0 ? `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n` : found(5, "hello"),
    )
    await setup.fetch({ urls: [server.at("/a")] })
    expect(server.requests[1]).to.match(/^GET \/%E4%B8%AD%C3%A9 HTTP/)
  })
})
