import { expect } from "chai"
import { spawn, type ChildProcess } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"

const module = pathToFileURL("packages/agent/src/orphan-watch.ts").href

describe("the watch for an agent that nobody waits for", function () {
  this.timeout(40_000)
  let child: ChildProcess
  afterEach(() => child.kill("SIGKILL"))

  /** A program that is watched, and then does `what`. */
  const start = async (what: string): Promise<{ ended: Promise<unknown[]> }> => {
    const code = `
      import { writeSync } from "node:fs"
      import { watchForOrphan } from ${JSON.stringify(module)}
      watchForOrphan(2)
      setTimeout(() => { writeSync(2, "at it"); ${what} }, 1500)
      process.stdout.on("error", () => {})
      setInterval(() => {}, 1000)`
    const args = ["--import", "tsx", "--input-type=module", "-e", code]
    child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] })
    const ended = once(child, "exit")
    if (child.stderr !== null) await once(child.stderr, "data")
    return { ended }
  }
  const leave = (): void => void child.stdout?.destroy()

  it("ends one that is held up for ever, but not before everybody has gone", async () => {
    const { ended } = await start("for (;;);")
    await sleep(4000)
    expect(child.exitCode).to.equal(null)
    expect(child.signalCode).to.equal(null)
    leave()
    expect(await ended).to.deep.equal([null, "SIGKILL"])
  })

  it("takes no time from the work while it starts", async function () {
    if (process.platform !== "linux") this.skip()
    await start("setTimeout(() => {}, 6000)")
    const threads = `/proc/${child.pid}/task`
    const priorities = readdirSync(threads).map((id) => readFileSync(`${threads}/${id}/stat`, "utf8").split(" ")[18])
    expect(priorities.filter((each) => each === "19")).to.have.length(1)
    expect(priorities.length).to.be.above(1)
  })

  it("leaves one alone that goes on with its work", async () => {
    const { ended } = await start("setTimeout(() => process.exit(7), 6000)")
    leave()
    expect(await ended).to.deep.equal([7, null])
  })
})
