import { MAGIC } from "@datamaestro/protocol"
import { expect } from "chai"
import { once } from "node:events"
import { PassThrough, Writable } from "node:stream"
import { BOOT_MAGIC } from "../../../packages/controller/src/deploy/boot-protocol.ts"
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

  it("takes the agent's bytes between its lines", async () => {
    const stdout = new PassThrough()
    const port = new AgentPort(
      { stdin: new PassThrough(), stdout, stderr: new PassThrough(), ended: new Promise(() => {}), close: () => {} },
      { label: "machine", node: "auto", bootTimeout: 60_000, onHello: () => {}, onStored: () => {} },
    )
    const came: (string | [number, string])[] = []
    port.onLine((line) => void came.push(line))
    port.onBytes((stream, bytes) => void came.push([stream, Buffer.from(bytes).toString()]))
    try {
      stdout.end(`noise\n#1 5\n${BOOT_MAGIC}\n${MAGIC}\n{}\n#7 4\na\nb\n{"last":1}\n`)
      await once(stdout, "end")
      expect(came).to.deep.equal(["{}", [7, "a\nb\n"], '{"last":1}'])
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
