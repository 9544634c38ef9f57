import { expect } from "chai"
import { PassThrough, Writable } from "node:stream"
import { AgentPort } from "../../../packages/controller/src/deploy/agent-port.ts"
import type { ChannelEnd } from "../../../packages/controller/src/transport/transport.ts"

describe("the controller's end of an agent's channel", () => {
  it("waits for the channel to take more as often as need be, and keeps nothing of it", async () => {
    let waits = 0
    const ended = new Promise<ChannelEnd>(() => {})
    // How often something waits for an end that doesn't come.
    const counted = Object.assign(ended, {
      catch: (onFailure: never) => {
        waits++
        return Promise.prototype.catch.call(ended, onFailure)
      },
    })
    let written = 0
    const stdin = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        written += chunk.length
        setImmediate(done)
      },
    })
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const port = new AgentPort(
      { stdin, stdout, stderr, ended: counted as Promise<ChannelEnd>, close: () => {} },
      { label: "machine", node: "auto", bootTimeout: 60_000, onHello: () => {}, onStored: () => {} },
    )
    try {
      const [before, listeners] = [waits, stdin.listenerCount("close")]
      for (let index = 0; index < 20; index++) await port.sendBytes(1, Buffer.alloc(1000))
      expect(written).to.be.at.least(20_000)
      expect(waits).to.equal(before)
      expect(stdin.listenerCount("close")).to.equal(listeners)
    } finally {
      port.close()
    }
  })

  it("waits no more once the program has ended", async () => {
    let end: (how: ChannelEnd) => void = () => {}
    const ended = new Promise<ChannelEnd>((resolve) => (end = resolve))
    const stdin = new Writable({ highWaterMark: 1, write: () => {} })
    const port = new AgentPort(
      { stdin, stdout: new PassThrough(), stderr: new PassThrough(), ended, close: () => {} },
      { label: "machine", node: "auto", bootTimeout: 60_000, onHello: () => {}, onStored: () => {} },
    )
    const sending = port.sendBytes(1, Buffer.alloc(1000))
    end({ code: 0, signal: null })
    await sending
    await port.sendBytes(1, Buffer.alloc(1000))
    port.close()
  })
})
