import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { startSshAgent, type SshAgent } from "../helpers/ssh-agent.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

const MODULE = "/usr/lib/softhsm/libsofthsm2.so"
const PIN = "4711"

/** SoftHSM plays the card: a PKCS#11 module with tokens in files. */
const available = (): boolean => existsSync(MODULE) && existsSync("/usr/bin/pkcs11-tool")

describe("datamaestro with the key of a smart card", function () {
  this.timeout(60_000)
  let home: Awaited<ReturnType<typeof privateEnvironment>>
  let sshd: Sshd | undefined
  let agent: SshAgent | undefined
  let config: string
  let card: NodeJS.ProcessEnv

  before(async function () {
    skipWithoutSshd(this)
    if (!available() && process.env["CI"] === undefined) this.skip()
    home = await privateEnvironment()
    const settings = join(home.path, "softhsm2.conf")
    await mkdir(join(home.path, "tokens"))
    await writeFile(settings, `directories.tokendir = ${home.path}/tokens\nobjectstore.backend = file\n`)
    const askpass = join(home.path, "askpass")
    await writeFile(askpass, `#!/bin/sh\necho ${PIN}\n`, { mode: 0o700 })
    card = { ...process.env, SOFTHSM2_CONF: settings, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" }
    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { env: card, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    run("softhsm2-util", "--init-token", "--free", "--label", "card", "--pin", PIN, "--so-pin", PIN)
    const key = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "key", "--id", "01"]
    run("pkcs11-tool", "--module", MODULE, "--login", "--pin", PIN, ...key)
    sshd = await startSshd({
      authorizedKeys: [run("ssh-keygen", "-D", MODULE).trim()],
      environment: { HOME: home.path, PATH: process.env["PATH"] ?? "" },
    })
    config = join(home.path, "card")
    await writeFile(join(home.path, "known_hosts"), `[127.0.0.1]:${sshd.port} ${sshd.hostKeys[0]}\n`)
    const host = `Host cluster\nHostName 127.0.0.1\nPort ${sshd.port}`
    await writeFile(config, `${host}\nUserKnownHostsFile ${join(home.path, "known_hosts")}\nIdentityFile none\n`)
    agent = startSshAgent(["-P", "/usr/lib/*"], card)
  })
  after(async () => {
    agent?.stop()
    await sshd?.stop()
    await home?.restore()
  })

  const run = (args: readonly string[], env: NodeJS.ProcessEnv): ReturnType<typeof datamaestro> =>
    datamaestro(["-F", config, ...args, "--host", "cluster", "version"], { env })

  it("logs in by the system's ssh, which asks for its PIN through SSH_ASKPASS", async () => {
    const { status, stdout, stderr } = await run(["-o", `PKCS11Provider=${MODULE}`], card)
    expect(stderr).to.match(/^Using the system's ssh for "cluster": the built-in client lacks "pkcs11provider /)
    expect(stderr).not.to.contain(PIN)
    expect(stdout).to.match(/^agent\t/m)
    expect(status).to.equal(0)
  })

  it("logs in by either client through an SSH agent that has the card", async () => {
    const env = { ...card, SSH_AUTH_SOCK: agent?.socket }
    execFileSync("ssh-add", ["-q", "-s", MODULE], { env, stdio: ["ignore", "ignore", "pipe"] })
    for (const transport of ["ssh2", "openssh"]) {
      const { status, stdout, stderr } = await run(["--transport", transport], env)
      expect(stderr).to.equal("")
      expect(stdout).to.match(/^agent\t/m)
      expect(status).to.equal(0)
    }
  })
})
