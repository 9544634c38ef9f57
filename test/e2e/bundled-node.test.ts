import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { SessionEvent } from "../../packages/controller/src/session/session.ts"
import { startNpmRegistry, type NpmRegistry } from "../helpers/npm-registry.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import type { SshServer } from "../helpers/ssh-server.ts"
import { openSshSession, type RecordedSession } from "../helpers/ssh-session.ts"
import { testServers } from "../helpers/test-servers.ts"

/** Stands for the program that npm's packages carry: small, so that the test is, and really a Node. */
const NODE = `#!/bin/sh\nexec "${process.execPath}" "$@"\n`

describe("--node bundled", function () {
  this.timeout(60_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let registry: NpmRegistry
  let server: SshServer
  const { cleanups, serve } = testServers()
  const before_ = process.env["npm_config_userconfig"]

  const open = async (where: SshServer = server, onEvent?: (event: SessionEvent) => void): Promise<RecordedSession> =>
    openSshSession(where, { node: "bundled", ...(onEvent === undefined ? {} : { onEvent }) })

  beforeEach(async () => {
    environment = await privateEnvironment()
    registry = await startNpmRegistry()
    registry.publish(
      { version: "24.1.0", files: { "bin/node": "#!/bin/sh\nexit 1\n" } },
      { version: "24.10.0", files: { "bin/node": NODE } },
    )
    const { host } = new URL(registry.url)
    const npmrc = join(environment.path, ".npmrc")
    await writeFile(npmrc, `registry=${registry.url}\n//${host}/:_authToken=token-of-mine\nfetch-retries=0\n`)
    process.env["npm_config_userconfig"] = npmrc
    // Run by npm, they are the person's: what that cached of a registry on the same port stood for one that is gone.
    for (const name of Object.keys(process.env))
      if (/^npm_config_(registry|cache)$/i.test(name)) delete process.env[name]
    server = await serve()
  })
  afterEach(async () => {
    await registry.close()
    await environment.restore()
    if (before_ === undefined) delete process.env["npm_config_userconfig"]
    else process.env["npm_config_userconfig"] = before_
  })

  const nodes = (home = server.home): Promise<string[]> => readdir(join(home, ".cache/datamaestro/node"))

  it("fetches the newest by the person's npm, uploads it once, and remembers where it is", async () => {
    const first = await open()
    expect(first.uploads).to.deep.equal(["Node 24.10.0", "agent"])
    expect(first.initialized.node).to.equal(process.versions.node)
    await first.close()
    expect(registry.authorization).to.equal("Bearer token-of-mine")
    const [name = ""] = await nodes()
    expect(await nodes()).to.deep.equal([name])
    expect((await stat(join(server.home, ".cache/datamaestro/node", name, "node"))).mode & 0o777).to.equal(0o700)

    const asked = registry.requests.length
    const commands = server.commands.length
    const warm = await open()
    expect(warm.uploads).to.deep.equal([])
    await warm.close()
    expect(registry.requests).to.have.length(asked)
    expect(server.commands).to.have.length(commands + 1)
  })

  it("brings to another machine what is cached here, and to one that has it nothing", async () => {
    await (await open()).close()
    await registry.close()
    // npm would have it from its own cache.
    await rm(join(environment.path, ".npm"), { recursive: true, force: true })
    const other = await serve()
    const session = await open(other)
    expect(session.uploads).to.deep.equal(["Node 24.10.0", "agent"])
    await session.close()
    await rm(join(environment.path, ".cache/datamaestro/hosts"), { recursive: true })
    const again = await open(other)
    expect(again.uploads).to.deep.equal([])
    await again.close()
  })

  it("fetches anew what was damaged here", async () => {
    await (await open()).close()
    const folder = join(environment.path, ".cache/datamaestro/node")
    const kept = (await readdir(folder)).filter((name) => name.endsWith(".gz"))
    expect(kept).to.have.length(1)
    await writeFile(join(folder, kept[0] ?? ""), "damaged")
    const session = await open(await serve())
    expect(session.uploads).to.deep.equal(["Node 24.10.0", "agent"])
    expect(session.initialized.node).to.equal(process.versions.node)
    await session.close()
  })

  it("continues an upload that was cut", async () => {
    // Comments that don't compress, behind the line that counts.
    const padded = `${NODE}# ${randomBytes(6_000_000).toString("base64")}\n`
    registry.publish({ version: "24.11.0", files: { "bin/node": padded } })
    server.dropAfter(3_000_000)
    const error = await rejection(open())
    expect(error).to.have.property("exitStatus", 8)
    for (let tries = 0; tries < 100 && !(await nodes()).some((name) => name.endsWith(".part")); tries++) {
      await new Promise((go) => setTimeout(go, 20))
    }
    const [part = ""] = await nodes()
    expect(part).to.match(/^[0-9a-f]{64}\.part$/)
    const kept = (await stat(join(server.home, ".cache/datamaestro/node", part))).size
    expect(kept).to.be.greaterThan(1_000_000)
    let firstSent: number | undefined
    const session = await open(server, (event) => {
      if (event.phase === "upload" && event.what.startsWith("Node")) firstSent ??= event.bytes
    })
    expect(firstSent).to.be.greaterThan(kept)
    expect(session.initialized.node).to.equal(process.versions.node)
    await session.close()
    expect(await nodes()).to.have.length(1)
  })

  it("begins anew when what was kept is not what it should be", async () => {
    const padded = `${NODE}# ${randomBytes(3_000_000).toString("base64")}\n`
    registry.publish({ version: "24.11.0", files: { "bin/node": padded } })
    server.dropAfter(1_500_000)
    await rejection(open())
    const folder = join(server.home, ".cache/datamaestro/node")
    for (let tries = 0; tries < 100 && !(await nodes()).some((name) => name.endsWith(".part")); tries++) {
      await new Promise((go) => setTimeout(go, 20))
    }
    const [part = ""] = await nodes()
    await writeFile(join(folder, part), randomBytes((await stat(join(folder, part))).size))
    const error = await rejection(open())
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error.message).to.contain("arrived changed")
    await (await open()).close()
  })

  it("refuses what the registry did not publish", async () => {
    registry.publish({ version: "24.12.0", files: { "bin/node": NODE }, tampered: true })
    const error = await rejection(open())
    expect(error).to.have.property("code").that.is.oneOf(["CHECKSUM_MISMATCH", "DOWNLOAD_FAILED"])
    expect(error.message).to.match(/integrity|not what the registry published/i)
    expect(await readdir(join(environment.path, ".cache/datamaestro/node"))).to.deep.equal([])
  })

  it("says so when npm can't reach its registry (exit 4)", async () => {
    await registry.close()
    const error = await rejection(open())
    expect(error).to.include({ code: "DOWNLOAD_FAILED", exitStatus: 4 })
    expect(error).to.have.property("hint").that.contains("npm ping")
  })

  it("says so when it does not run there", async () => {
    registry.publish({ version: "24.13.0", files: { "bin/node": "#!/bin/sh\necho 'Illegal instruction'; exit 1\n" } })
    const error = await rejection(open())
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error.message).to.contain("Illegal instruction")
    expect(await nodes()).to.deep.equal([])
  })

  it("says that the C library is missing where nothing told of it before, and the program can't be loaded", async () => {
    registry.publish({ version: "24.13.0", files: { "bin/node": "#!/no/such/loader\n" } })
    const error = await rejection(open())
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error).to.have.property("hint").that.contains("glibc")
  })

  for (const [system, programs, reason] of [
    ["the glibc of RHEL 7", { getconf: "echo glibc 2.17" }, /glibc 2\.17.*older than 2\.28/],
    ["musl", { getconf: "exit 1", ldd: "echo 'musl libc (x86_64)' >&2; exit 1" }, /musl/],
    ["another processor", { uname: "case $1 in -s) echo Linux;; *) echo riscv64;; esac" }, /Linux on riscv64/],
  ] as const) {
    it(`recognises ${system} before anything is fetched`, async () => {
      const bin = join(server.home, "fake")
      await mkdir(bin)
      for (const [name, body] of Object.entries(programs)) {
        await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`)
        await chmod(join(bin, name), 0o755)
      }
      const old = await serve({ home: server.home, environment: { PATH: `${bin}:${process.env["PATH"]}` } })
      const error = await rejection(open(old))
      expect(error).to.include({ code: "NO_NODE", exitStatus: 8 })
      expect(error.message).to.match(reason)
      expect(error).to.have.property("hint").that.contains("--node PATH")
      expect(registry.requests).to.deep.equal([])
    })
  }

  it("passes every login shell, and start-up files that print and ask", async () => {
    const noisy = 'echo "@@datamaestro-node"; yes noise | head -c 300000; read answer; eval "$0"'
    for (const shell of [
      ["/bin/dash", "-c"],
      ["/usr/bin/fish", "-c"],
      ["/usr/bin/tcsh", "-c"],
      ["/bin/bash", "-c", noisy],
      ["/bin/bash", "-c", 'PATH=; eval "$0"'],
    ]) {
      const one = await serve({ shell })
      const session = await open(one)
      expect(session.uploads).to.deep.equal(["Node 24.10.0", "agent"])
      await session.close()
    }
  })

  it("says after some seconds what it waits for", async () => {
    const slow = await serve({
      shell: ["/bin/bash", "-c", '[ -e "$HOME/slept" ] || sleep 6; touch "$HOME/slept"; eval "$0"'],
    })
    const told: string[] = []
    const session = await open(slow, (event) => {
      if (event.phase === "notice" && event.level === "info") told.push(event.message)
    })
    await session.close()
    expect(told.filter((message) => message.startsWith("The agent does not run on"))).to.have.length(1)
  })

  it("gives up in time where start-up files hang", async () => {
    const hanging = await serve({ shell: ["/bin/bash", "-c", "echo Please wait; sleep 30"] })
    const error = await rejection(openSshSession(hanging, { node: "bundled", bootTimeout: 500 }))
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error.message).to.contain("Please wait")
  })

  describe("where the home is", () => {
    const mounted = async (options: string): Promise<string> => {
      const home = join(environment.path, "mounted")
      await mkdir(home)
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", home])
      cleanups.push(() => void execFileSync("umount", ["-l", home]))
      return home
    }
    before(function () {
      if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
    })

    for (const [name, options, told] of [
      ["noexec", "noexec,size=400m", /noexec/],
      ["full", "size=3m", /MB free|full/],
      ["in part somebody else's", "size=400m", /unwritable/],
    ] as const) {
      it(`${name}, it goes elsewhere and says so`, async () => {
        const temporary = join(environment.path, "tmp")
        await mkdir(temporary)
        const home = await mounted(options)
        if (name === "in part somebody else's") {
          await mkdir(join(home, ".cache/datamaestro/node"), { recursive: true })
          await chown(join(home, ".cache/datamaestro/node"), 65534, 65534)
        }
        const one = await serve({ home, environment: { TMPDIR: temporary } })
        const session = await open(one)
        expect(session.uploads).to.include("Node 24.10.0")
        const warnings = session.events.flatMap((event) =>
          event.phase === "notice" && event.level === "warning" ? [event.message] : [],
        )
        expect(warnings.join("\n")).to.match(told).and.contain(temporary)
        await session.close()
        expect(await readdir(temporary)).to.deep.equal([`datamaestro-${process.getuid?.()}`])
      })
    }
  })
})
