import { expect } from "chai"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

describe("datamaestro --transport openssh", function () {
  this.timeout(60_000)
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let cluster: Awaited<ReturnType<typeof temporaryFolder>>
  let sshd: Sshd
  before(async function () {
    skipWithoutSshd(this)
    home = await temporaryFolder()
    cluster = await temporaryFolder()
    sshd = await startSshd({ environment: { HOME: cluster.path, PATH: process.env["PATH"] ?? "" } })
  })
  after(async () => {
    await sshd?.stop()
    await home?.remove()
    await cluster?.remove()
  })
  const env = (): NodeJS.ProcessEnv => ({ ...process.env, HOME: home.path, XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "" })
  const run = (...args: string[]): ReturnType<typeof datamaestro> =>
    datamaestro(["-F", sshd.configFile, "--host", "cluster", ...args], { env: env() })

  it("does the same work as the built-in client, first call and warm", async () => {
    const built = await run("--data", "/tmp/elsewhere", "version")
    for (let call = 0; call < 2; call++) {
      const { status, stdout, stderr } = await run("--transport", "openssh", "--data", "/tmp/elsewhere", "version")
      expect(stderr).to.equal("")
      expect(status).to.equal(0)
      expect(stdout).to.equal(built.stdout)
    }
  })

  it("is a host's setting, too", async () => {
    const settings = join(home.path, ".config", "datamaestro", "user.json")
    await mkdir(join(settings, ".."), { recursive: true })
    await writeFile(settings, JSON.stringify({ hosts: { cluster: { transport: "openssh" } } }))
    const refused = await run("-o", "Port=1", "version")
    expect(refused.status).to.equal(8)
    // Its own words: the built-in client has others.
    expect(refused.stderr).to.contain("connect to host 127.0.0.1 port 1: Connection refused")
    await writeFile(settings, JSON.stringify({ hosts: { cluster: { transport: "carrier pigeon" } } }))
    const unknown = await run("version")
    expect(unknown.status).to.equal(6)
    expect(unknown.stderr).to.contain("openssh")
    await writeFile(settings, "{}")
  })

  it("is for connecting only (exit 2)", async () => {
    const { status, stderr } = await datamaestro(["--transport", "openssh", "version"], { env: env() })
    expect(status).to.equal(2)
    expect(stderr).to.contain("--host")
    expect((await datamaestro(["--transport", "telnet", "version"], { env: env() })).status).to.equal(2)
  })
})
