import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { userInfo } from "node:os"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { kerberosAvailable, startKerberosRealm, type KerberosRealm } from "../helpers/kerberos-realm.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

describe("datamaestro with Kerberos", function () {
  this.timeout(60_000)
  let home: Awaited<ReturnType<typeof privateEnvironment>>
  let realm: KerberosRealm | undefined
  let sshd: Sshd | undefined
  let config: string

  before(async function () {
    skipWithoutSshd(this)
    if (!kerberosAvailable() && process.env["CI"] === undefined) this.skip()
    home = await privateEnvironment()
    realm = await startKerberosRealm({ user: userInfo().username, host: "localhost" })
    sshd = await startSshd({
      config: ["GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no", "PubkeyAuthentication no"],
      environment: { HOME: home.path, PATH: process.env["PATH"] ?? "" },
      ownEnvironment: realm.environment,
    })
    config = join(home.path, "kerberos")
    const knownHosts = `UserKnownHostsFile ${join(home.path, "known_hosts")}`
    await writeFile(join(home.path, "known_hosts"), `[localhost]:${sshd.port} ${sshd.hostKeys[0]}\n`)
    const host = `Host cluster\nHostName localhost\nAddressFamily inet\nPort ${sshd.port}`
    await writeFile(config, `${host}\nGSSAPIAuthentication yes\n${knownHosts}\n`)
  })
  after(async () => {
    await sshd?.stop()
    await realm?.stop()
    await home?.restore()
  })

  const run = (...args: string[]): ReturnType<typeof datamaestro> =>
    datamaestro(["-F", config, "--host", "cluster", ...args], { env: { ...process.env, ...realm?.environment } })

  it("logs in with a ticket, by the system's ssh, and says that it uses that", async () => {
    const { status, stdout, stderr } = await run("version")
    expect(stderr).to.match(
      /^Using the system's ssh for "cluster": the built-in client lacks "gssapiauthentication yes"/,
    )
    expect(stdout).to.match(/^agent\t/m)
    expect(status).to.equal(0)
    expect(sshd?.log()).to.contain("Accepted gssapi-with-mic")
  })

  it("says what to look at where there is no ticket, or another client was chosen", async () => {
    realm?.logOut()
    try {
      const without = await run("version")
      expect(without.status).to.equal(8)
      expect(without.stderr).to.contain("Permission denied (gssapi-").and.contain('"klist" shows a ticket')
      const built = await run("--transport", "ssh2", "version")
      expect(built.status).to.equal(8)
      expect(built.stderr).to.contain("the server accepts gssapi-").and.contain("leave --transport ssh2 out")
    } finally {
      realm?.logIn()
    }
  })
})
