import { PROTOCOL_VERSION, SILENCE_LIMIT } from "@datamaestro/protocol"
import { expect } from "chai"
import { mock } from "node:test"
import { PassThrough } from "node:stream"
import { NotBooted, startAgent } from "../../../packages/controller/src/deploy/start-agent.ts"
import type { Channel } from "../../../packages/controller/src/transport/transport.ts"

/** A program that was started and says only what it is fed. */
function silentChannel(): Channel & { stdout: PassThrough } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  return { stdin: stdin.resume(), stdout, stderr, ended: new Promise(() => {}), close: () => stdout.destroy() }
}

describe("startAgent", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] }))
  afterEach(() => mock.timers.reset())

  it("tells what start-up files printed before the link counts as dead", async () => {
    const channel = silentChannel()
    const started = startAgent(channel, {
      label: "cluster",
      node: "node",
      push: false,
      compressed: () => Promise.reject(new Error("not asked for")),
      initialize: { protocol: PROTOCOL_VERSION, controller: "0.0.0", environment: "inherit" },
      onEvent: () => {},
    })
    const failed = started.then(
      () => undefined,
      (error: unknown) => error,
    )
    channel.stdout.write("Which account is to be charged?\n")
    await new Promise((resolve) => setImmediate(resolve))
    for (let elapsed = 0; elapsed <= 2 * SILENCE_LIMIT; elapsed += 1000) mock.timers.tick(1000)
    const error = await failed
    expect(error).to.be.instanceOf(NotBooted)
    expect(((error as NotBooted).cause as Error).message).to.contain("Which account is to be charged?")
  })
})
