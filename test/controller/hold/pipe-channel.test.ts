import { expect } from "chai"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { PassThrough, Writable } from "node:stream"
import { pipeChannel } from "../../../packages/controller/src/hold/pipe-channel.ts"

describe("a program that is joined to the connection of a command", () => {
  it("holds that back as often as it must, and keeps nothing of it", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1")
    const [socket] = (await once(server, "connection")) as [Socket]
    try {
      const stdin = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void setImmediate(done) })
      const channel = {
        stdin,
        stdout: new PassThrough(),
        stderr: new PassThrough(),
        ended: new Promise<never>(() => {}),
        close: () => {},
      }
      const receive = pipeChannel(socket, channel, Buffer.alloc(0))
      const listeners = stdin.listenerCount("close")
      for (let index = 0; index < 20; index++) {
        receive("input", Buffer.from("content"))
        await once(stdin, "drain")
      }
      expect(stdin.listenerCount("close")).to.equal(listeners)
    } finally {
      client.destroy()
      socket.destroy()
      server.close()
    }
  })
})
