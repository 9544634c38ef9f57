import { expect } from "chai"
import { execFile, execFileSync } from "node:child_process"
import { join } from "node:path"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

/** A process that `process.exit` can't end would stay for ever. */
const MOST_MILLISECONDS = 10_000
const MODULE = new URL("../../../packages/controller/src/commands/exit-or-signal.ts", import.meta.url).href

describe("leaving the command's process", function () {
  this.timeout(2 * MOST_MILLISECONDS)

  const run = (body: string): Promise<unknown> =>
    new Promise((resolve) => {
      const code = `
        import { exitOrSignal } from ${JSON.stringify(MODULE)}
        import { open } from "node:fs/promises"
        ${body}`
      const options = { timeout: MOST_MILLISECONDS, killSignal: "SIGKILL" } as const
      execFile(process.execPath, ["--import=tsx", "--input-type=module", "-e", code], options, (error) =>
        resolve(error === null ? 0 : (error.signal ?? error.code)),
      )
    })

  it("ends with the status", async () => {
    expect(await run("await exitOrSignal(0)")).to.equal(0)
    expect(await run("await exitOrSignal(8)")).to.equal(8)
    expect(await run("await exitOrSignal(130)")).to.equal(130)
  })

  it("ends by the signal that was sent while a thread waits for what never comes", async function () {
    if (process.platform === "win32") this.skip()
    const folder = await temporaryFolder("datamaestro-exit-")
    const pipe = join(folder.path, "pipe")
    execFileSync("mkfifo", [pipe])
    for (const [status, signal] of [
      [129, "SIGHUP"],
      [130, "SIGINT"],
      [143, "SIGTERM"],
    ] as const) {
      const body = `process.on("${signal}", () => {}); void open(${JSON.stringify(pipe)}); await exitOrSignal(${status})`
      expect(await run(body)).to.equal(signal)
    }
    await folder.remove()
  })
})
