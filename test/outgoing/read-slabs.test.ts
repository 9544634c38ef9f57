import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "chai"
import { ReadSlabs } from "../../packages/outgoing/src/read-slabs.ts"

const BYTES = 16 * 1024 * 1024

describe("ReadSlabs", () => {
  const contents = [randomBytes(BYTES), randomBytes(BYTES), randomBytes(3)]
  const slabs = new ReadSlabs()
  const { onread } = slabs
  let server: Server

  before(async () => {
    server = createServer((socket) => {
      socket.on("error", () => {})
      socket.once("data", (which) => socket.end(contents[Number(which)] ?? ""))
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
  })
  after(() => server.close())

  const open = (which: number): Socket => {
    const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", onread })
    socket.write(String(which))
    return socket
  }
  const read = async (which: number, { pause = 0, release = true } = {}) => {
    const hash = createHash("sha256")
    const memory = new Set<ArrayBufferLike>()
    let largest = 0
    for await (const chunk of open(which) as AsyncIterable<Buffer>) {
      largest = Math.max(largest, chunk.length)
      memory.add(chunk.buffer)
      if (pause > 0) await sleep(pause)
      hash.update(chunk)
      if (release) slabs.release(chunk)
    }
    return { digest: hash.digest("hex"), largest, memory: memory.size }
  }
  const digestOf = (which: number): string =>
    createHash("sha256")
      .update(contents[which] ?? "")
      .digest("hex")

  it("brings the same bytes, more at a time, on several sockets at once", async () => {
    const wanted = [0, 1, 2, 0]
    const read4 = await Promise.all(wanted.map((which, at) => read(which, { pause: at % 2 })))
    expect(read4.map(({ digest }) => digest)).to.deep.equal(wanted.map(digestOf))
    expect(read4[0]?.largest).to.be.greaterThan(64 * 1024)
  })

  it("uses memory again once it is given back, and only then", async () => {
    expect((await read(0)).memory).to.be.below(8)
    const { memory, digest } = await read(0, { release: false })
    expect(memory).to.be.at.least(BYTES / (512 * 1024))
    expect(digest).to.equal(digestOf(0))
  })

  it("keeps memory of which a part is still looked at", async () => {
    const kept: Buffer[] = []
    for await (const chunk of open(1) as AsyncIterable<Buffer>) {
      const head = chunk.subarray(0, 1)
      kept.push(head)
      slabs.release(chunk.subarray(1))
    }
    const before = Buffer.concat(kept)
    await read(0)
    expect(Buffer.concat(kept).equals(before)).to.equal(true)
  })

  it("keeps memory of which a part is given back twice, and another is still looked at", async () => {
    const kept: Buffer[] = []
    for await (const chunk of open(1) as AsyncIterable<Buffer>) {
      const half = Math.ceil(chunk.length / 2)
      const first = chunk.subarray(0, half)
      kept.push(chunk.subarray(half))
      slabs.release(first)
      slabs.release(first)
    }
    const before = Buffer.concat(kept)
    await read(0)
    expect(Buffer.concat(kept).equals(before)).to.equal(true)
  })

  it("stops while nobody reads", async () => {
    const socket = open(0)
    await once(socket, "readable")
    await sleep(100)
    const held = socket.bytesRead
    await sleep(100)
    expect(socket.bytesRead).to.equal(held)
    expect(held).to.be.lessThan(BYTES)
    socket.destroy()
  })
})
