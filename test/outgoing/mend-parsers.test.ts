import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { buffer } from "node:stream/consumers"
import { expect } from "chai"
import { dispatcherFor } from "../../packages/outgoing/src/dispatcher.ts"

/** As much as a body's stream wants to hold: it pauses with the last byte, and nothing but the end is left. */
const BODY = randomBytes(64 * 1024)

describe("a server that closes while nobody takes the body (nodejs/undici#5360)", () => {
  let server: Server
  let answer: Buffer
  let closed: Promise<unknown>

  before(async () => {
    server = createServer((socket: Socket) => {
      socket.on("error", () => {})
      closed = once(socket, "close")
      socket.once("data", () => socket.end(answer))
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
  })
  after(() => server.close())

  const ask = async (
    head: string,
    body: Buffer,
    environment: Record<string, string> = {},
    connection = "Connection: close\r\n",
  ): Promise<Buffer> => {
    answer = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}${connection}\r\n`), body])
    const { port } = server.address() as AddressInfo
    const url = new URL(`http://127.0.0.1:${port}/`)
    const proxy = environment["http_proxy"] === undefined ? environment : { http_proxy: url.href }
    const dispatcher = dispatcherFor(url, proxy, { connectSeconds: 10 })
    const { body: found } = await dispatcher.request({ origin: url.origin, path: "/", method: "GET" })
    // Told once it is destroyed, too.
    found.on("error", () => {})
    await closed
    return await buffer(found)
  }

  it("has its body come whole, whatever tells its end", async () => {
    expect((await ask(`Content-Length: ${BODY.length}\r\n`, BODY)).equals(BODY)).to.equal(true)
    expect((await ask("", BODY)).equals(BODY)).to.equal(true)
  })

  it("has it come whole where it had not said that it would close", async () => {
    expect((await ask(`Content-Length: ${BODY.length}\r\n`, BODY, {}, "")).equals(BODY)).to.equal(true)
  })

  it("has it come whole through a proxy", async () => {
    const found = await ask(`Content-Length: ${BODY.length}\r\n`, BODY, { http_proxy: "this server" })
    expect(found.equals(BODY)).to.equal(true)
  })

  it("has a body that was cut fail", async () => {
    const failure = (head: string, body: Buffer, connection?: string): Promise<unknown> =>
      ask(head, body, {}, connection).then(
        () => undefined,
        (error: unknown) => error,
      )
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), BODY])
    for (const connection of [undefined, ""]) {
      expect(await failure(`Content-Length: ${BODY.length + 1}\r\n`, BODY, connection)).to.be.an("error")
      expect(await failure("Transfer-Encoding: chunked\r\n", chunk, connection)).to.be.an("error")
    }
  })
})

describe("a server that resets its connection", () => {
  it("has not sent a whole body, where only the end would tell that it has", async () => {
    const server = createServer((socket: Socket) => {
      socket.on("error", () => {})
      socket.once("data", () => {
        socket.write("HTTP/1.0 200 OK\r\n\r\nhello", () => setTimeout(() => socket.resetAndDestroy(), 50))
      })
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    try {
      const failure = await ask(server).catch((error: unknown) => error)
      expect(failure).to.have.property("code", "ECONNRESET")
    } finally {
      server.close()
    }
  })
})

describe("a preliminary answer", () => {
  it("may be 100, which nobody asked for", async () => {
    const answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    const server = createServer((socket: Socket) => {
      socket.on("error", () => {})
      socket.once("data", () => socket.end(answer))
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    try {
      expect((await ask(server)).toString()).to.equal("hello")
    } finally {
      server.close()
    }
  })
})

async function ask(server: Server): Promise<Buffer> {
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const dispatcher = dispatcherFor(url, {}, { connectSeconds: 10 })
  const { body } = await dispatcher.request({ origin: url.origin, path: "/", method: "GET" })
  return await buffer(body)
}
