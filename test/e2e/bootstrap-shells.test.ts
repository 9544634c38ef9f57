import { expect } from "chai"
import { existsSync } from "node:fs"
import { chmod, chown, mkdir, readdir, rm, symlink } from "node:fs/promises"
import { join } from "node:path"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import { openSshSession } from "../helpers/ssh-session.ts"
import { createTestUser, skipWithoutTestUsers, startSshd, type Sshd, type TestUser } from "../helpers/sshd.ts"

/** Start-up files that print, to both streams, also without a line end, and export what counts. */
const SHELLS: Readonly<Record<string, { program: string; files: Readonly<Record<string, string>> }>> = {
  bash: {
    program: "/bin/bash",
    files: {
      ".bashrc": "echo noise of bashrc; echo more >&2; printf unfinished\n",
      ".bash_profile": "echo noise of profile; export DATAMAESTRO_DIR=$HOME/mine\n",
    },
  },
  dash: { program: "/bin/dash", files: { ".profile": "echo noise; export DATAMAESTRO_DIR=$HOME/mine\n" } },
  zsh: {
    program: "/usr/bin/zsh",
    files: {
      ".zshenv": "echo noise of zshenv; printf unfinished\n",
      ".zprofile": "echo noise; export DATAMAESTRO_DIR=$HOME/mine\n",
    },
  },
  fish: {
    program: "/usr/bin/fish",
    files: {
      ".config/fish/config.fish":
        "echo noise of config\nif status is-login\n  set -gx DATAMAESTRO_DIR $HOME/mine\nend\n",
    },
  },
  tcsh: {
    program: "/usr/bin/tcsh",
    files: {
      ".tcshrc": "echo noise of tcshrc\n",
      ".login": "echo noise of login\nsetenv DATAMAESTRO_DIR $HOME/mine\n",
    },
  },
  "busybox sh": {
    program: "/opt/datamaestro-test/sh",
    files: { ".profile": "echo noise; export DATAMAESTRO_DIR=$HOME/mine\n" },
  },
}

describe("the bootstrap, over OpenSSH's sshd", function () {
  this.timeout(60_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let user: TestUser | undefined
  let sshd: Sshd | undefined

  before(async function () {
    skipWithoutTestUsers(this)
    if (!existsSync("/bin/busybox")) return
    await mkdir("/opt/datamaestro-test", { recursive: true })
    await symlink("/bin/busybox", "/opt/datamaestro-test/sh").catch(() => {})
  })

  after(() => rm("/opt/datamaestro-test", { recursive: true, force: true }))

  beforeEach(async () => {
    environment = await privateEnvironment()
  })

  afterEach(async () => {
    await sshd?.stop()
    await user?.remove()
    sshd = undefined
    user = undefined
    await environment.restore()
  })

  const start = async (
    shell: string,
    files: Readonly<Record<string, string>>,
    config: string[] = [],
  ): Promise<Sshd> => {
    user = await createTestUser({ shell, files })
    sshd = await startSshd({ user: user.name, config })
    return sshd
  }

  for (const [name, { program, files }] of Object.entries(SHELLS)) {
    for (const transport of ["ssh2", "openssh"] as const) {
      it(`works with the login shell ${name}, whatever its start-up files print (${transport})`, async function () {
        if (!existsSync(program)) this.skip()
        const server = await start(program, files)
        const first = await openSshSession(server, { transport })
        expect(first.uploads).to.deep.equal(["agent"])
        expect(first.initialized.warnings).to.deep.equal([])
        expect(first.initialized.paths.data).to.equal(join(user?.home ?? "", "mine"))
        await first.close()
        const second = await openSshSession(server, { transport })
        expect(second.uploads).to.deep.equal([])
        expect(second.initialized.dataSource).to.equal("environment")
        const set = await second.agent.request("datafolders/set", { key: "large", path: "~/large" })
        expect(set.path).to.equal(join(user?.home ?? "", "large"))
        await second.close()
      })
    }
  }

  it("keeps the agent in a private temporary folder where the home can't be written, and says so", async () => {
    const server = await start("/bin/bash", {})
    const { home = "", uid = 0 } = user ?? {}
    await chown(home, 0, 0)
    await chmod(home, 0o755)
    const first = await openSshSession(server)
    const warnings = first.events.filter((event) => event.phase === "notice" && event.level === "warning")
    expect(JSON.stringify(warnings)).to.include(join(home, ".cache/datamaestro"))
    expect(await readdir(`/tmp/datamaestro-${uid}/agents`)).to.have.length(1)
    await first.close()
    const second = await openSshSession(server)
    expect(second.uploads).to.deep.equal([])
    await second.close()
    await rm(`/tmp/datamaestro-${uid}`, { recursive: true })
  })

  it("does not trust a temporary folder that somebody else has prepared", async () => {
    const server = await start("/bin/bash", {})
    const { home = "", uid = 0 } = user ?? {}
    await chown(home, 0, 0)
    const trap = `/tmp/datamaestro-${uid}`
    await mkdir(join(trap, "agents"), { recursive: true })
    await chmod(trap, 0o777)
    const session = await openSshSession(server)
    expect(session.initialized.protocol).to.equal(1)
    expect(await readdir(join(trap, "agents"))).to.deep.equal([])
    await session.close()
    await rm(trap, { recursive: true })
  })

  for (const [way, program, files] of [
    ["the login shell's PATH has", "/bin/bash", { ".bash_profile": "export PATH=$HOME/tools:$PATH\n" }],
    [
      "the PATH of a zsh has that start-up files put in its place",
      "/usr/bin/zsh",
      { ".bash_profile": "exec zsh -l\n", ".zprofile": "export PATH=$HOME/tools:$PATH\n" },
    ],
    [
      "the PATH of a fish has that start-up files put in its place",
      "/usr/bin/fish",
      { ".bash_profile": "exec fish -l\n", ".config/fish/config.fish": "set -gx PATH $HOME/tools $PATH\n" },
    ],
  ] as const) {
    it(`finds a Node that only ${way}`, async function () {
      if (!existsSync(program)) this.skip()
      const server = await start("/bin/bash", {
        ...files,
        "tools/node": `#!/bin/sh\nif [ "$1" = --version ]; then echo v99.0.0; else touch $HOME/used; exec ${process.execPath} "$@"; fi\n`,
      })
      await chmod(join(user?.home ?? "", "tools/node"), 0o755)
      await (await openSshSession(server)).close()
      expect(existsSync(join(user?.home ?? "", "used"))).to.equal(true)
    })
  }

  /** Tells a version that suits, and does nothing else. */
  const BROKEN = "#!/bin/sh\ncase $1 in --version) echo v99.1.0;; *) echo not for this processor >&2; exit 1;; esac\n"

  it("passes over a Node that tells its version and does not start, and remembers the one that does", async () => {
    const server = await start("/bin/bash", { "bin/node": BROKEN })
    const path = join(user?.home ?? "", "bin/node")
    await chmod(path, 0o755)
    const warnings = (session: Awaited<ReturnType<typeof openSshSession>>): string =>
      JSON.stringify(session.events.filter((event) => event.phase === "notice" && event.level === "warning"))
    const first = await openSshSession(server)
    expect(warnings(first)).to.include(path)
    await first.close()
    const second = await openSshSession(server)
    expect(warnings(second)).to.equal("[]")
    await second.close()
  })

  it("names a Node that does not start where it was asked for", async () => {
    const server = await start("/bin/bash", { "bin/node": BROKEN })
    await chmod(join(user?.home ?? "", "bin/node"), 0o755)
    const error = await rejection(openSshSession(server, { node: "~/bin/node" }))
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error.message)
      .to.include(join(user?.home ?? "", "bin/node"))
      .and.include("not for this processor")
    expect(error.hint).to.include("--node PATH")
  })

  it("says so where the account may only transfer files", async () => {
    const server = await start("/bin/bash", {}, ["ForceCommand internal-sftp"])
    const error = await rejection(openSshSession(server))
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
  })

  it("tells what a forced command printed instead", async () => {
    const server = await start("/bin/bash", {}, ['ForceCommand echo "Only backups here"'])
    const error = await rejection(openSshSession(server))
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(error.message).to.include("Only backups here")
  })
})
