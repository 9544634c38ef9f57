import { expect } from "chai"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

const module = pathToFileURL("packages/agent/src/process/exit-or-kill.ts").href

/** One that does not end must not stay behind. */
const LIMITED = { stdio: "ignore", timeout: 15_000 } as const

describe("leaving the agent's process", () => {
  /** How a program ends that does `what` and ends with 3. */
  const end = async (what: string): Promise<unknown> => {
    const code = `
      import { open } from "node:fs"
      import { exitOrKill, leaveBehind } from ${JSON.stringify(module)}
      setInterval(() => {}, 1000)
      ${what}
      exitOrKill(3)`
    const args = ["--import", "tsx", "--input-type=module", "-e", code]
    const [status, signal] = (await once(spawn(process.execPath, args, LIMITED), "exit")) as unknown[]
    return status ?? signal
  }

  it("has the status that was wanted, whatever else would keep the process", async () => {
    expect(await end("")).to.equal(3)
  })

  it("waits a moment for a thread that was left behind, and then for nothing", async () => {
    expect(await end("leaveBehind(new Promise((resolve) => setTimeout(resolve, 60)))")).to.equal(3)
    expect(await end("leaveBehind(new Promise(() => {}))")).to.equal("SIGKILL")
  })

  it("waits for nothing that holds up a thread of the file system's", async function () {
    if (process.platform === "win32") this.skip()
    const folder = await temporaryFolder()
    const pipe = join(folder.path, "pipe")
    execFileSync("mkfifo", [pipe])
    try {
      expect(await end(`open(${JSON.stringify(pipe)}, "r", () => {})`)).to.equal("SIGKILL")
    } finally {
      await rm(pipe)
      await folder.remove()
    }
  })
})
