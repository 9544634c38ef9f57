import { expect } from "chai"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { writeFrame } from "../../../packages/controller/src/hold/frames.ts"
import { openHeldChannel } from "../../../packages/controller/src/hold/held-channel.ts"

const MIB = 1024 * 1024
const TOTAL = 64 * MIB

describe("the channel of a program over a held connection", () => {
  let server: Server
  let holder: Socket
  let socket: Socket
  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
    ;[holder] = (await once(server, "connection")) as [Socket]
  })
  afterEach(() => {
    socket.destroy()
    holder.destroy()
    server.close()
  })

  it("takes no more of the output than is read, and loses nothing of it", async () => {
    writeFrame(holder, "started", undefined)
    const channel = await openHeldChannel(socket, new Promise<never>(() => {}), undefined)
    for (let sent = 0; sent < TOTAL; sent += MIB) writeFrame(holder, "output", Buffer.alloc(MIB, 1))
    writeFrame(holder, "ended", { code: 0, signal: null })
    await sleep(200)
    expect(socket.bytesRead).to.be.lessThan(4 * MIB)
    let read = 0
    for await (const chunk of channel.stdout) read += (chunk as Buffer).length
    expect(read).to.equal(TOTAL)
    expect(await channel.ended).to.deep.equal({ code: 0, signal: null })
  })
})
