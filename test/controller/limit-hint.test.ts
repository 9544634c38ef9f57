import { expect } from "chai"
import { agentEnded } from "../../packages/controller/src/deploy/agent-ended.ts"
import { INSTEAD, NO_NODE_END, NO_NODE_MAGIC } from "../../packages/controller/src/deploy/boot-protocol.ts"
import type { ChannelEnd } from "../../packages/controller/src/transport/transport.ts"

const NOT_BOOTED = { label: "cluster", node: "auto", noise: "", booted: false }
const FAILED: ChannelEnd = { code: 1, signal: null }

describe("what to do about a program that a limit of its account has ended", () => {
  const hintOf = (end: ChannelEnd, said: Partial<Parameters<typeof agentEnded>[1]>): string =>
    agentEnded(end, { ...NOT_BOOTED, stderr: "", ...said }).hint ?? ""

  it("is of processes, as shells and Node tell it", () => {
    for (const stderr of [
      "bash: fork: retry: Resource temporarily unavailable\nbash: fork: Resource temporarily unavailable",
      "sh: 1: Cannot fork",
      "sh: can't fork: Resource temporarily unavailable",
      "No more processes.",
      "Error: spawn /bin/sh EAGAIN",
      "#  Assertion failed: (0) == (uv_thread_create(t.get(), start_thread, this))",
    ]) {
      expect(hintOf(FAILED, { stderr }), stderr).to.contain("ulimit -u")
      expect(hintOf(FAILED, { stderr, booted: true }), stderr).to.contain("ulimit -u")
    }
  })

  it("is of processes where the agent aborts without a word, as Node does that gets no threads", () => {
    for (const end of [
      { code: null, signal: "ABRT" },
      { code: null, signal: "SIGABRT" },
      { code: 134, signal: null },
    ]) {
      expect(hintOf(end, { booted: true })).to.contain("ulimit -u")
      expect(hintOf(end, { booted: true, stderr: "Assertion failed: x" })).to.contain("run the same command again")
    }
    expect(hintOf({ code: null, signal: "KILL" }, { booted: true })).to.contain("run the same command again")
  })

  it("is of files, and of memory", () => {
    expect(hintOf(FAILED, { stderr: "Assertion failed: (0) == (uv_loop_init(&loop_))" })).to.contain("ulimit -n")
    expect(hintOf(FAILED, { stderr: "Fatal process OOM" })).to.contain("ulimit -v")
  })

  it("is told where no Node was found since nothing could be started, or none starts", () => {
    const noise = (list: string): string => `${NO_NODE_MAGIC}\n${list}${NO_NODE_END}\n`
    expect(hintOf(FAILED, { noise: noise(""), stderr: "sh: 1: Cannot fork" })).to.contain("ulimit -u")
    expect(hintOf(FAILED, { noise: noise("") })).to.match(/^--node bundled/)
    expect(hintOf(FAILED, { noise: noise("unusable\t/usr/bin/node\n") })).to.match(
      /^see what `ssh cluster \/usr\/bin\/node --version` prints; or --node bundled/,
    )
    const elsewhere = noise(`${INSTEAD}\nv22.1.0\t/usr/bin/node\n`)
    expect(hintOf(FAILED, { noise: elsewhere, node: "/opt/node" })).to.match(/^leave --node out/)
  })
})
