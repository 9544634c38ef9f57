import { expect } from "chai"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { setEarlyAgent, type EarlyAgent } from "../../../packages/controller/src/transport/early-agent.ts"
import { spawnLocal } from "../../../packages/controller/src/transport/local.ts"

const PROGRAM = [
  "-e",
  "process.stdin.on('end', () => process.exit(7)).resume(); process.stdout.write(`${process.pid}`)",
]

describe("an agent that was started early", () => {
  const start = (args: readonly string[]): EarlyAgent => {
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] })
    return { args, child }
  }
  afterEach(() => setEarlyAgent(undefined))

  const pidOf = async (args: readonly string[]): Promise<number> => {
    const channel = await spawnLocal(process.execPath, args)
    let said = ""
    channel.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
    channel.close()
    expect(await channel.ended).to.deep.include({ code: 7 })
    return Number(said)
  }

  it("is taken where it is what is wanted, once", async () => {
    const early = start(PROGRAM)
    setEarlyAgent(early)
    expect(await pidOf(PROGRAM)).to.equal(early.child.pid)
    expect(await pidOf(PROGRAM)).not.to.equal(early.child.pid)
  })

  it("is left where another is wanted", async () => {
    const early = start([...PROGRAM, "other"])
    setEarlyAgent(early)
    expect(await pidOf(PROGRAM)).not.to.equal(early.child.pid)
    early.child.stdin.end()
    await once(early.child, "exit")
  })

  it("is left where it has ended already, with nobody there who could have noticed", async () => {
    const early = start(PROGRAM)
    early.child.stdin.end()
    await once(early.child, "close")
    setEarlyAgent(early)
    expect(await pidOf(PROGRAM)).not.to.equal(early.child.pid)
  })
})
