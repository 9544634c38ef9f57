import { expect } from "chai"
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { once } from "node:events"
import type { Readable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"

const module = pathToFileURL("packages/agent/src/process/orphan-watch.ts").href
const work = pathToFileURL("packages/agent/src/jobs/lasting-work.ts").href

describe("the watch for an agent that nobody waits for", function () {
  this.timeout(40_000)
  let child: ChildProcess
  afterEach(() => child.kill("SIGKILL"))

  /** A program that is watched with some patience, in seconds, and then does `what`; the child is it, or a shell that waits for it. */
  const start = async (what: string, patience = 2, byShell = false): Promise<{ ended: Promise<unknown[]> }> => {
    const code = `
      import { writeSync } from "node:fs"
      import { countCode, watchForOrphan } from ${JSON.stringify(module)}
      import { lastingWork } from ${JSON.stringify(work)}
      watchForOrphan(${patience})
      setTimeout(() => { writeSync(2, "at it"); ${what} }, 1500)
      process.stdout.on("error", () => {})
      setInterval(() => {}, 1000)`
    const args = ["--import", "tsx", "--input-type=module", "-e", code]
    const stdio = ["pipe", "pipe", "pipe"] satisfies StdioOptions
    child = byShell
      ? spawn("sh", ["-c", '"$0" "$@"; true', process.execPath, ...args], { stdio })
      : spawn(process.execPath, args, { stdio })
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

  it("ends one that code of others holds up at once when everybody has gone", async () => {
    const { ended } = await start("countCode(1); for (;;);", 1e6)
    await sleep(4000)
    expect(child.exitCode).to.equal(null)
    expect(child.signalCode).to.equal(null)
    leave()
    expect(await ended).to.deep.equal([null, "SIGKILL"])
  })

  it("ends one whose parent has gone, though what it prints could still be read", async function () {
    if (process.platform === "win32") this.skip()
    const { ended } = await start("for (;;);", 2, true)
    child.kill("SIGKILL")
    await ended
    // The other end of its stdout, which the shell had too: closed when both have ended.
    await once(child.stdout as Readable, "close")
  })

  const slow = "for (const end = Date.now() + 5000; Date.now() < end;); process.exit(7)"
  for (const [what, code] of [
    ["code of others, while there is work that goes on", `lastingWork[0] = 1; countCode(1); ${slow}`],
    ["code of ours, also after code of others", `countCode(1); countCode(-1); ${slow}`],
  ] as const) {
    it(`has patience with ${what}`, async () => {
      const { ended } = await start(code, 1e6)
      leave()
      expect(await ended).to.deep.equal([7, null])
    })
  }

  it("takes no time from the work while it starts", async function () {
    if (process.platform !== "linux") this.skip()
    await start("setTimeout(() => {}, 6000)")
    const threads = `/proc/${child.pid}/task`
    const priorities = readdirSync(threads).map((id) => {
      const stat = readFileSync(`${threads}/${id}/stat`, "utf8")
      // proc(5): the 19th field; the second is the thread's name, which may have spaces.
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]
    })
    expect(priorities.filter((each) => each === "19")).to.have.length(1)
    expect(priorities.length).to.be.above(1)
  })

  it("leaves one alone that goes on with its work", async () => {
    const { ended } = await start("setTimeout(() => process.exit(7), 6000)")
    leave()
    expect(await ended).to.deep.equal([7, null])
  })
})
