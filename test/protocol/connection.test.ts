import {
  AGENT_METHODS,
  AgentClient,
  AgentServer,
  DatamaestroError,
  EXIT_STATUS,
  fromWireError,
  Heartbeat,
  linkedPorts,
  notification,
  SILENCE_LIMIT,
  stillWaiting,
  toWireError,
  type AgentHandlers,
  type AgentServerOptions,
  type LinePort,
  type ProgressEvent,
} from "@datamaestro/protocol"
import { expect } from "chai"
import { mock } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { rejection } from "../helpers/rejection.ts"

const nobody = Object.fromEntries(
  Object.keys(AGENT_METHODS).map((method) => [
    method,
    () => {
      throw new Error(`nobody answers "${method}"`)
    },
  ]),
) as unknown as AgentHandlers

interface Linked {
  client: AgentClient
  server: AgentServer
  ports: [LinePort, LinePort]
}

function link(handlers: Partial<AgentHandlers>, options: AgentServerOptions = {}): Linked {
  const ports = linkedPorts()
  const server = new AgentServer(ports[1], { ...nobody, ...handlers }, options)
  return { client: new AgentClient(ports[0]), server, ports }
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => reject(new DatamaestroError("INTERRUPTED", "Interrupted"))
    if (signal.aborted) end()
    signal.addEventListener("abort", end)
  })

describe("a client and a server on one link", () => {
  it("brings the bytes of an answer to whoever asked, before it", async () => {
    const { client } = link({
      "copies/read": async ({ paths }, { sendBytes }) => {
        for (const path of paths) await sendBytes(Buffer.from(path))
        return {}
      },
    })
    const read = async (...paths: string[]): Promise<string> => {
      const chunks: Uint8Array[] = []
      const onBytes = (bytes: Uint8Array): void => void chunks.push(bytes)
      await client.request("copies/read", { dataset: "d", paths, offset: 0, length: 1 }, { onBytes })
      return Buffer.concat(chunks).toString()
    }
    expect(await Promise.all([read("a", "b"), read("c", "d"), read()])).to.deep.equal(["ab", "cd", ""])
  })

  it("answer many requests at once, each with its own answer", async () => {
    const { client } = link({
      "datafolders/set": async ({ key, path }) => {
        await sleep(key === "slow" ? 20 : 0)
        return { path: `${path}/${key}` }
      },
    })
    const ask = (key: string): Promise<{ path: string }> => client.request("datafolders/set", { key, path: "/p" })
    expect(await Promise.all([ask("slow"), ask("quick")])).to.deep.equal([{ path: "/p/slow" }, { path: "/p/quick" }])
    client.close()
  })

  it("carry an error with its name, hint and details, and a defect with its stack", async () => {
    const { client } = link({
      "cache/list": () => {
        throw new DatamaestroError("NO_SPACE", "Cannot write", { hint: "free some", details: { path: "/d" } })
      },
      "settings/get": () => {
        throw new TypeError("a defect")
      },
    })
    const foreseen = await rejection(client.request("cache/list", {}))
    expect(foreseen).to.deep.include({ code: "NO_SPACE", message: "Cannot write", hint: "free some", exitStatus: 6 })
    expect(foreseen.details).to.deep.equal({ path: "/d" })
    const defect = await rejection(client.request("settings/get", {}))
    expect(defect).to.include({ code: "UNEXPECTED", message: "a defect", exitStatus: 1 })
    expect(defect.stack).to.include("connection.test.ts")
    client.close()
  })

  it("refuse parameters and answers of another shape", async () => {
    const { client, ports } = link({ "datafolders/list": () => ({ datafolders: 3 }) as never })
    expect(await rejection(client.request("datafolders/list", {}))).to.have.property("code", "PROTOCOL_MISMATCH")
    const wrong = await rejection(client.request("datafolders/set", { key: 1, path: "/" } as never))
    expect(wrong).to.have.property("code", "PROTOCOL_MISMATCH")
    expect(wrong.message).to.include("datafolders/set")
    ports[1].send("this is no JSON")
    ports[1].send("[1, 2]")
    expect(await rejection(client.request("cache/list", {}))).to.have.property("code", "UNEXPECTED")
    client.close()
  })

  it("cancel one request and leave the others", async () => {
    let answer = (): void => {}
    const answered = new Promise<void>((resolve) => (answer = resolve))
    const { client, server } = link({
      "datasets/search": (_, { signal }) => untilAborted(signal),
      "cache/list": async () => {
        await answered
        return { entries: [] }
      },
    })
    const abort = new AbortController()
    const cancelled = rejection(client.request("datasets/search", { terms: [] }, { signal: abort.signal }))
    const other = client.request("cache/list", {})
    while (server.running < 2) await sleep(1)
    abort.abort()
    expect(await cancelled).to.include({ code: "INTERRUPTED", exitStatus: 130 })
    answer()
    expect(await other).to.deep.equal({ entries: [] })
    expect(server.running).to.equal(0)
    const late = await rejection(client.request("cache/list", {}, { signal: abort.signal }))
    expect(late.code).to.equal("INTERRUPTED")
    client.close()
  })

  it("merge counts, keep what is told once, and lose neither the last count nor the order", async () => {
    const count = (bytes: number): ProgressEvent => ({ phase: "extract", dataset: "d", resource: "r", bytes })
    const notice: ProgressEvent = { phase: "notice", level: "info", message: "once" }
    const { client } = link(
      {
        "cache/verify": (_, { progress }) => {
          for (let bytes = 0; bytes < 1000; bytes++) progress(count(bytes))
          progress(notice)
          for (let bytes = 1000; bytes < 2000; bytes++) progress(count(bytes))
          return { sound: 0, removed: [] }
        },
      },
      { progressInterval: 10_000 },
    )
    const events: ProgressEvent[] = []
    await client.request("cache/verify", {}, { onProgress: (event) => events.push(event) })
    expect(events).to.deep.equal([count(0), count(999), notice, count(1999)])
    client.close()
  })

  it("end their requests when the link closes, on both sides", async () => {
    let reason: unknown = "none"
    const { client, server, ports } = link({
      "datasets/search": (_, { signal }) =>
        untilAborted(signal).catch((error: Error) => {
          reason = error.message
          throw error
        }),
    })
    const pending = rejection(client.request("datasets/search", { terms: [] }))
    while (server.running === 0) await sleep(1)
    ports[0].close()
    expect(await pending).to.include({ code: "CONNECTION_LOST", exitStatus: 8 })
    while (server.running > 0) await sleep(1)
    expect(reason).to.equal("Interrupted")
    expect(await rejection(client.request("cache/list", {}))).to.have.property("code", "CONNECTION_LOST")
  })

  it("tell whose code holds up an agent that can't tell it itself, and what to check once the link is given up", async () => {
    const notices: string[] = []
    const silence = { heartbeat: { interval: 20, limit: 300 }, codePatience: 60, label: "cluster" }
    const [ours, theirs] = linkedPorts()
    const client = new AgentClient(ours, { ...silence, onNotice: (message) => notices.push(message) })
    const asked = rejection(client.request("cache/list", {}))
    const tell = (code: string, over: boolean): void => theirs.send(notification("$/agent/code", { code, over }))
    tell("the quick", false)
    tell("the told", false)
    tell("the endless", false)
    tell("the quick", true)
    theirs.send(notification("$/agent/notice", { message: stillWaiting("the told") }))
    // The quick one would be told first.
    while (notices.length < 2) await sleep(5)
    expect(notices).to.deep.equal([
      "Still waiting for the told: its code has not come to its end",
      "Still waiting for the endless: its code has not come to its end",
    ])
    tell("the told", true)
    expect(await asked)
      .to.have.property("hint")
      .that.matches(/^check the network, and the endless for code that never ends, then run/)
  })
})

describe("a watch on a link", () => {
  const beginning = Date.now()
  let now: number
  beforeEach(() => {
    now = beginning
    mock.method(Date, "now", () => now)
    mock.timers.enable({ apis: ["setInterval"] })
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const pass = (milliseconds: number): void => {
    for (let passed = 0; passed < milliseconds; passed += 1000) {
      now += 1000
      mock.timers.tick(1000)
    }
  }

  it("says now and then that this side lives, and when the other has fallen silent", () => {
    let sent = 0
    const silent: number[] = []
    new Heartbeat({ send: () => sent++, onSilence: (milliseconds) => silent.push(milliseconds) })
    pass(SILENCE_LIMIT - 5000)
    expect(silent).to.deep.equal([])
    expect(sent).to.be.at.least(3)
    pass(SILENCE_LIMIT)
    expect(silent[0]).to.be.at.least(SILENCE_LIMIT)
  })

  it("keeps one on which nobody has anything to say, and gives up one that brings nothing", async () => {
    const pause = async (milliseconds: number): Promise<void> => {
      for (let passed = 0; passed < milliseconds; passed += 1000) {
        pass(1000)
        await new Promise(setImmediate)
      }
    }
    const quiet = linkedPorts()
    let ended = false
    new AgentServer(quiet[1], nobody, { onEnd: () => (ended = true) })
    const client = new AgentClient(quiet[0])
    await pause(3 * SILENCE_LIMIT)
    expect(ended).to.equal(false)
    client.close()

    const [ours] = linkedPorts()
    const deaf = new AgentClient(ours, { label: "cluster" })
    const asked = rejection(deaf.request("cache/list", {}))
    await pause(SILENCE_LIMIT)
    const error = await asked
    expect(error).to.have.property("code", "CONNECTION_LOST")
    expect(error.message).to.equal(`The agent on "cluster" has been silent for ${SILENCE_LIMIT / 1000} s`)
    expect(error).to.have.property(
      "hint",
      "check the network, then run the same command again: it continues where it stopped",
    )
  })

  it("takes a machine that has slept for no silence of the other side", () => {
    const silent: number[] = []
    const heartbeat = new Heartbeat({ send: () => {}, onSilence: (milliseconds) => silent.push(milliseconds) })
    pass(10_000)
    now += 3600_000
    pass(SILENCE_LIMIT - 10_000)
    expect(silent).to.deep.equal([])
    pass(SILENCE_LIMIT)
    expect(silent).to.not.deep.equal([])
    heartbeat.stop()
  })
})

describe("errors on the wire", () => {
  it("come back with the exit status of every code", () => {
    for (const code of Object.keys(EXIT_STATUS) as (keyof typeof EXIT_STATUS)[]) {
      const back = fromWireError(toWireError(new DatamaestroError(code, "m")))
      expect(back).to.include({ code, exitStatus: EXIT_STATUS[code] })
    }
  })

  it("of code that others have written tell where in it", () => {
    const cause = new Error("theirs")
    cause.stack = "Error: theirs\n    at their/index.js:7:1"
    const back = fromWireError(toWireError(new DatamaestroError("BROKEN_DEFINITION", "Cannot use it", { cause })))
    expect(back.stack).to.contain("Cannot use it").and.contain("at their/index.js:7:1")
    expect(toWireError(new DatamaestroError("NO_SPACE", "m", { cause })).data).to.not.have.property("stack")
  })

  it("of a name unknown here are unexpected", () => {
    expect(fromWireError({ code: -32000, message: "m", data: { name: "toString" } })).to.have.property(
      "code",
      "UNEXPECTED",
    )
  })
})
