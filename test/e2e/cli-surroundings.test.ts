import { expect } from "chai"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { LAUNCHER } from "../helpers/command-line.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"

/** What hangs is killed: a process that makes folders for ever hears no other signal. */
const MOST_MILLISECONDS = 20_000

describe("odd surroundings of the command", () => {
  let home: Awaited<ReturnType<typeof privateEnvironment>>
  beforeEach(async () => (home = await privateEnvironment()))
  afterEach(() => home.restore())

  const shell = (command: string, environment: NodeJS.ProcessEnv = {}): Promise<{ status: unknown; stdout: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, NODE: process.execPath, LAUNCHER, ...environment }
      const options = { env, cwd: home.path, timeout: MOST_MILLISECONDS, killSignal: "SIGKILL" } as const
      execFile("/bin/bash", ["-c", `exec ${command}`], options, (error, stdout) =>
        resolve({ status: error === null ? 0 : (error.code ?? error.signal), stdout }),
      )
    })

  it("prints the result though stderr takes nothing", async function () {
    if (!existsSync("/dev/full")) this.skip()
    const { status, stdout } = await shell(`"$NODE" "$LAUNCHER" --json --debug search mnist 2> /dev/full`)
    expect(stdout).to.contain("com.lecun.mnist")
    expect(status).to.equal(0)
  })

  it("works with a home folder that the system neither has nor makes, as one that is not mounted here", async function () {
    if (process.platform !== "linux") this.skip()
    this.timeout(2 * MOST_MILLISECONDS)
    const { status, stdout } = await shell(`"$NODE" "$LAUNCHER" version`, { HOME: "/proc/nobody" })
    expect(stdout).to.match(/^agent\t/m)
    expect(status).to.equal(0)
  })

  it("says so where the working directory is gone", async function () {
    if (process.platform === "win32") this.skip()
    const { status, stdout } = await shell(
      `/bin/bash -c 'mkdir gone; cd gone; rmdir ../gone; "$NODE" "$LAUNCHER" version 2>&1'`,
    )
    expect(stdout).to.equal(
      "error: Cannot work in the current folder: it is gone (ENOENT)\n  hint: go to one that is there: cd ~\n",
    )
    expect(status).to.equal(6)
  })

  it("takes an empty HOME for none, not for the working directory", async () => {
    const folder = join(home.path, ".config/datamaestro")
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, "user.json"), JSON.stringify({ hosts: { stray: { host: "stray.example.org" } } }))
    const cache = { XDG_CACHE_HOME: join(home.path, "cache") }
    expect((await shell(`"$NODE" "$LAUNCHER" hosts`, cache)).stdout).to.contain("stray")
    const { status, stdout } = await shell(`"$NODE" "$LAUNCHER" hosts`, { HOME: "", ...cache })
    expect(stdout).not.to.contain("stray")
    expect(status).to.equal(0)
  })

  it("works for a user that the system does not know and that has no HOME, as in a container", async () => {
    const unknown = join(home.path, "unknown-user.cjs")
    // As os.homedir() does there.
    await writeFile(
      unknown,
      `const os = require("os"), known = os.homedir
       os.homedir = () => {
         if (process.env.HOME === undefined) throw new Error("uv_os_homedir returned ENOENT")
         return known()
       }`,
    )
    const environment = { HOME: undefined, NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --require ${unknown}` }
    const { status, stdout } = await shell(`"$NODE" "$LAUNCHER" --data data datafolders list 2>&1`, environment)
    expect(stdout).to.equal("")
    expect(status).to.equal(0)
  })
})
