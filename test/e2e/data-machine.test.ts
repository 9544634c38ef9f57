import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, copyFile, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { bootFailure } from "../../packages/controller/src/deploy/boot-failure.ts"
import { startDelayProxy, type DelayProxyOptions } from "../helpers/delay-proxy.ts"
import { makeModuleNode, skipWithoutModuleTools } from "../helpers/module-node.ts"
import { startOrigin } from "../helpers/origin.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import type { SshMoment } from "../helpers/ssh-server.ts"
import { byBothClients, openSshSession, type RecordedSession } from "../helpers/ssh-session.ts"
import {
  createTestUser,
  processesOf,
  skipWithoutSshd,
  skipWithoutTestUsers,
  testUsersAvailable,
  type Sshd,
  type TestUserOptions,
} from "../helpers/sshd.ts"
import { testServers } from "../helpers/test-servers.ts"

/** Machines as they are, not as they should be: each must do the work, or say what stands in the way. */
describe("a data machine", function () {
  this.timeout(60_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  const { cleanups, serve, serveBySshd } = testServers()
  beforeEach(async () => {
    environment = await privateEnvironment()
  })
  afterEach(async () => {
    await environment.restore()
  })

  const account = async (options: TestUserOptions): Promise<Sshd & { home: string }> => {
    const user = await createTestUser(options)
    cleanups.push(() => user.remove())
    return { ...(await serveBySshd({ user: user.name })), home: user.home }
  }
  const works = async (session: RecordedSession): Promise<void> => {
    expect(await session.agent.request("settings/get", {})).to.deep.equal({})
    await session.close()
  }
  const warningsOf = (session: RecordedSession): string =>
    session.events
      .flatMap((event) => (event.phase === "notice" && event.level === "warning" ? [event.message] : []))
      .join("\n")

  describe("whose start-up files, read by sshd's own shells,", () => {
    before(function () {
      skipWithoutTestUsers(this)
    })
    const shells = [
      { shell: "/bin/bash", file: ".bashrc", ask: "read answer" },
      { shell: "/usr/bin/zsh", file: ".zshenv", ask: "read answer" },
      { shell: "/usr/bin/tcsh", file: ".tcshrc", ask: "set answer = $<" },
      { shell: "/usr/bin/fish", file: ".config/fish/config.fish", ask: "read answer" },
    ]
    for (const { shell, file, ask } of shells) {
      it(`print megabytes and ask something: ${shell}`, async function () {
        if (!existsSync(shell) && process.env["CI"] === undefined) this.skip()
        const noise = `yes 'Welcome to the cluster! \\o/' | head -c 3000000\nprintf 'Project? '\n${ask}\n`
        const machine = await account({ shell, files: { [file]: noise } })
        await works(await openSshSession(machine))
        await works(await openSshSession(machine))
      })
    }

    const odd: Readonly<Record<string, string>> = {
      "leave out no error": "set -u -e -x -o pipefail\n",
      "name functions as programs": "node() { false; }; sh() { false; }; env() { false; }; export -f node sh env\n",
      "split words elsewhere": "export IFS=/\n",
      "have no PATH": "export PATH=\n",
      "want a library that is gone": "export LD_PRELOAD=/no/such.so\n",
      "want a script at each start of a shell": "export BASH_ENV=$HOME/.noise ENV=$HOME/.noise\n",
      "speak a language that is not installed": "export LC_ALL=xx_YY.none LANG=xx\n",
      "forget HOME": "unset HOME\n",
      "move HOME to where nothing is": "export HOME=/no/such/home\n",
      "have a cache that can't be written": "export XDG_CACHE_HOME=/proc/cache\n",
      "give Node an option that it doesn't know": "export NODE_OPTIONS=--no-such-option\n",
      "take code given to Node for a module": "export NODE_OPTIONS=--input-type=module\n",
      "have Node load what is gone": "export NODE_OPTIONS='--require /no/such.js'\n",
      "let Node make no code of strings": "export NODE_OPTIONS=--disallow-code-generation-from-strings\n",
      "let Node make no machine code, and so no WebAssembly": "export NODE_OPTIONS=--jitless\n",
      "have Node ask for permissions": "export NODE_OPTIONS=--experimental-permission\n",
      "have Node wait for a debugger": "export NODE_OPTIONS=--inspect-brk=0\n",
      "say so at a trap": "trap 'echo bye; read x' EXIT\n",
    }
    for (const [name, bashrc] of Object.entries(odd)) {
      it(`${name}: it works`, async () => {
        const machine = await account({ files: { ".bashrc": bashrc, ".noise": "echo noise; read answer\n" } })
        for (let call = 0; call < 2; call++) {
          const session = await openSshSession(machine)
          const environ = await readFile(`/proc/${session.initialized.pid}/environ`, "utf8")
          expect(environ).not.to.include("NODE_OPTIONS=")
          await works(session)
        }
      })
    }

    it("give Node an option that it doesn't know: told in one warning, each time, and looked for once", async () => {
      const machine = await account({ files: { ".bashrc": "export NODE_OPTIONS=--no-such-option\n" } })
      const open = async (): Promise<{ session: RecordedSession; environ: string[]; looked: boolean }> => {
        const session = await openSshSession(machine)
        const environ = await readFile(`/proc/${session.initialized.pid}/environ`, "utf8")
        const told = session.events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))
        return {
          session,
          environ: environ.split("\0").filter((line) => line.startsWith("NODE_OPTIONS=")),
          looked: told.some((message) => message.includes("looking for another")),
        }
      }
      for (let call = 0; call < 3; call++) {
        const { session, environ, looked } = await open()
        expect(warningsOf(session).match(/NODE_OPTIONS/g)).to.have.length(1)
        expect(environ).to.deep.equal([])
        expect(looked).to.equal(false)
        await works(session)
      }
      // Corrected, it counts again at once.
      await writeFile(join(machine.home, ".bashrc"), "export NODE_OPTIONS=--max-old-space-size=300\n")
      for (let call = 0; call < 2; call++) {
        const { session, environ, looked } = await open()
        expect(warningsOf(session)).to.equal("")
        expect(environ).to.deep.equal(["NODE_OPTIONS=--max-old-space-size=300"])
        expect(looked).to.equal(false)
        await works(session)
      }
    })

    for (const { shell, file, set } of [
      { shell: "/usr/bin/tcsh", file: ".tcshrc", set: "setenv NODE_OPTIONS" },
      { shell: "/usr/bin/fish", file: ".config/fish/config.fish", set: "set -gx NODE_OPTIONS" },
    ]) {
      it(`give Node an option that it doesn't know: ${shell}`, async function () {
        if (!existsSync(shell) && process.env["CI"] === undefined) this.skip()
        const machine = await account({ shell, files: { [file]: `${set} --no-such-option\n` } })
        for (let call = 0; call < 2; call++) await works(await openSshSession(machine))
      })
    }

    byBothClients("give Node an option that it knows: it is kept", async (open) => {
      const machine = await account({ files: { ".bashrc": "export NODE_OPTIONS=--max-old-space-size=300\n" } })
      for (let call = 0; call < 2; call++) {
        const session = await open(machine)
        const environ = await readFile(`/proc/${session.initialized.pid}/environ`, "utf8")
        expect(environ.split("\0")).to.include("NODE_OPTIONS=--max-old-space-size=300")
        await works(session)
      }
    })

    it("limit the addresses of a process, of which WebAssembly wants 10 GB: files are fetched", async () => {
      const origin = await startOrigin({ "/": { body: "there" } })
      cleanups.push(() => origin.close())
      const machine = await account({ files: { ".bashrc": "ulimit -v 4000000\n" } })
      for (let call = 0; call < 2; call++) {
        const session = await openSshSession(machine)
        const { internet } = await session.agent.request("machine/diagnose", { url: origin.url })
        expect(internet).to.include({ status: 200 })
        await session.close()
      }
    })

    it("leave Node too little memory: told as that", async () => {
      const machine = await account({ files: { ".bashrc": "ulimit -v 600000\n" } })
      const error = await rejection(openSshSession(machine))
      expect(error).to.have.property("exitStatus", 8)
      expect(error.message).to.contain("virtual memory").and.not.contain("@openssh.com")
      expect(error).to.have.property("hint").that.contains("ulimit -v")
    })

    it("set a umask that takes from the account what it makes: told as that", async () => {
      const machine = await account({ files: { ".bashrc": "umask 777\n" } })
      const session = await openSshSession(machine)
      const error = await rejection(session.agent.request("datafolders/set", { key: "large", path: "/large" }))
      expect(error).to.have.property("exitStatus", 6)
      expect(error.message).to.contain("umask (777)")
      expect(error).to.have.property("hint").that.contains("umask 022")
      await session.close()
    })

    it("leave no process to start: told as that", async () => {
      // sshd's own counts, and the shell that reads this is there already.
      const machine = await account({ files: { ".bashrc": "ulimit -u 1\n" } })
      const error = await rejection(openSshSession(machine))
      expect(error).to.have.property("exitStatus", 8)
      expect(error).to.have.property("hint").that.contains("ulimit -u")
    })

    byBothClients("hang: given up in time, with what they printed", async (open) => {
      const machine = await account({ files: { ".bashrc": "echo The file system is being repaired\nsleep 60\n" } })
      const error = await rejection(open(machine, { bootTimeout: 1500 }))
      expect(error).to.have.property("exitStatus", 8)
      expect(error.message).to.contain("The file system is being repaired")
      expect(error).to.have.property("hint").that.contains("start-up file")
    })

    for (const [what, file] of Object.entries({
      "put another shell in its place": "exec bash",
      "put a program in its place that repeats what it reads": "exec cat",
    })) {
      byBothClients(`${what}: told at once, not when the time is over`, async (open) => {
        const machine = await account({ files: { ".bashrc": `${file}\n` } })
        const error = await rejection(open(machine))
        expect(error).to.have.property("exitStatus", 8)
        expect(error.message).to.contain("another program reads what is sent to it").and.contain("jsonrpc")
        expect(error).to.have.property("hint").that.contains("start-up file")
      })
    }

    for (const redirection of ["1>&-", ">$HOME/log", ">/dev/null"]) {
      it(`lead the output elsewhere (exec ${redirection}): told at once, not when the time is over`, async () => {
        const machine = await account({ files: { ".bashrc": `exec ${redirection}\n` } })
        const error = await rejection(openSshSession(machine))
        expect(error).to.have.property("exitStatus", 8)
        expect(error.message).to.contain("exit code 1").and.contain("closes the standard output")
      })
    }

    byBothClients(
      "lead the output to where errors go (exec 1>&2): told at once, without what is sent there",
      async (open) => {
        const machine = await account({ files: { ".bashrc": "exec 1>&2\n" } })
        for (const node of ["auto", "/no/such/node"]) {
          const error = await rejection(open(machine, { node }))
          expect(error).to.have.property("exitStatus", 8)
          expect(error.message).to.contain("led to their standard error").and.not.contain("datamaestro-")
          expect(error).to.have.property("hint").that.contains("exec 1>&2")
        }
      },
    )

    byBothClients("repeat the output among the errors: of no account", async (open) => {
      const machine = await account({ files: { ".bashrc": "exec 1> >(exec tee /dev/stderr)\n" } })
      await works(await open(machine))
    })

    it("make a function of exec: told where to look", async () => {
      const machine = await account({ files: { ".bashrc": "exec() { :; }\n" } })
      const error = await rejection(openSshSession(machine))
      expect(error).to.have.property("exitStatus", 8)
      expect(error).to.have.property("hint").that.contains("type exec")
    })

    for (const redirection of ["0<&-", "</dev/null", "<$HOME/.bashrc"]) {
      it(`lead the input elsewhere (exec ${redirection}): told at once`, async () => {
        const machine = await account({ files: { ".bashrc": `exec ${redirection}\n` } })
        const error = await rejection(openSshSession(machine))
        expect(error).to.have.property("exitStatus", 8)
        expect(error.message).to.contain("exit code 1").and.contain("closes the standard input")
      })
    }

    it("ask until they have an answer, which is none of empty lines: given up in time, and told", async () => {
      const ask = 'until [ "$project" ]; do read -r project || break; done\n'
      const machine = await account({ files: { ".bashrc": ask } })
      const error = await rejection(openSshSession(machine, { bootTimeout: 3000 }))
      expect(error).to.have.property("exitStatus", 8)
      expect(error.message).to.contain("what it was sent first has not reached it")
      expect(error).to.have.property("hint").that.contains("start-up file").and.not.contains("ulimit")
    })

    byBothClients("end the shell: told", async (open) => {
      const machine = await account({ files: { ".bashrc": "echo Not today; exit 3\n" } })
      const error = await rejection(open(machine))
      expect(error.message).to.contain("exit code 3").and.contain("Not today")
    })
  })

  describe("whose sshd", () => {
    before(function () {
      skipWithoutSshd(this)
    })
    const home = async (config: string[]): Promise<Sshd> => {
      const folder = join(environment.path, "there")
      await mkdir(folder, { recursive: true })
      return serveBySshd({ config, environment: { HOME: folder, PATH: process.env["PATH"] ?? "" } })
    }

    byBothClients("has no SFTP", async (open) => {
      const session = await open(await home(["Subsystem sftp /bin/false"]))
      expect(session.uploads).to.deep.equal(["agent"])
      await works(session)
    })

    it("is known from an earlier call: four turns until the agent answers, and one for a request", async () => {
      const machine = await home([])
      const proxy = await startDelayProxy({ target: machine, delay: 40 })
      cleanups.push(() => proxy.close())
      const { configFile } = machine
      const options = [`Port=${proxy.port}`, "StrictHostKeyChecking=no"]
      const ssh = { destination: "cluster", configFile, identityFiles: [], options }
      await works(await openSshSession(machine, { ssh }))
      const turns = { opened: [] as number[], asked: [] as number[], ahead: [] as number[] }
      const least = (): number[] => Object.values(turns).map((counts) => Math.min(...counts))
      // The key exchange, the log-in, the command, and what it is told as soon as its channel is there.
      const wanted = [4, 5, 4]
      // A server that is slow has heard more by the time it answers: the least is what there is to wait for.
      for (let attempt = 0; attempt < 10 && String(least()) !== String(wanted); attempt++) {
        const session = await openSshSession(machine, { ssh })
        turns.opened.push(proxy.turns)
        expect(await session.agent.request("settings/get", {})).to.deep.equal({})
        turns.asked.push(proxy.turns)
        await session.close()
        const asking = await openSshSession(machine, { ssh, ahead: { method: "datafolders/list", params: {} } })
        expect(await asking.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
        turns.ahead.push(proxy.turns)
        await asking.close()
      }
      expect(least()).to.deep.equal(wanted)
    })

    byBothClients("allows one session a connection, also when Node has moved", async (open) => {
      const machine = await home(["MaxSessions 1"])
      await works(await open(machine))
      await works(await open(machine))
      const hosts = join(environment.path, ".cache/datamaestro/hosts")
      const [name = ""] = await readdir(hosts)
      const known = JSON.parse(await readFile(join(hosts, name), "utf8")) as object
      await writeFile(join(hosts, name), JSON.stringify({ ...known, execPath: "/opt/gone/bin/node" }))
      await works(await open(machine))
    })

    it("allows no session at all, as jump hosts do: told (exit 8), with the system's ssh too", async () => {
      const machine = await home(["MaxSessions 0"])
      const error = await rejection(openSshSession(machine))
      expect(error).to.have.property("exitStatus", 8)
      expect(error.message).to.contain("Cannot run a command on")
      expect(error).to.have.property("hint").that.contains("MaxSessions")
      const said = "mux_client_request_session: session request failed: Session open refused by peer\n"
      const bySsh = bootFailure({
        label: "machine",
        noise: "",
        stderr: said,
        booted: false,
        reason: "it ended",
        code: 255,
      })
      expect(bySsh.message).to.contain("allows no session")
    })

    byBothClients("runs nothing but SFTP: told (exit 8)", async (open) => {
      const error = await rejection(open(await home(["ForceCommand internal-sftp"])))
      expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
      expect(error.message).to.contain("SFTP")
    })

    for (const [shell, why] of [
      ["/usr/sbin/nologin", "may not log in to a shell"],
      ["/bin/rbash", "login shell is a restricted one"],
    ] as const) {
      it(`gives the account no shell: told (exit 8): ${shell}`, async function () {
        if (!testUsersAvailable() || !existsSync(shell)) this.skip()
        const machine = await account({ shell })
        const error = await rejection(openSshSession(machine))
        expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
        expect(error.message).to.contain(why)
      })
    }

    it("lets nobody in before the password is changed, which takes a terminal: told (exit 8)", async () => {
      // What sshd runs in the place of the command, and PAM's words.
      const expired =
        "echo WARNING: Your password has expired. >&2; echo Password change required but no TTY available.; exit 1"
      const error = await rejection(openSshSession(await home([`ForceCommand ${expired}`])))
      expect(error).to.have.property("exitStatus", 8)
      expect(error.message).to.contain("the password of the account has expired")
      expect(error.hint).to.equal(
        'log in with "ssh cluster", which asks for a new one, then run the same command again',
      )
    })

    byBothClients("runs a command of its own choice: told, with what it printed", async (open) => {
      const error = await rejection(open(await home(["ForceCommand echo Use the web portal"])))
      expect(error.message).to.contain("Use the web portal")
      expect(error).to.have.property("hint").that.contains("forced command")
    })

    byBothClients("sets a umask of 000: what is kept is ours alone all the same", async (open) => {
      const server = await serve({ shell: ["/bin/bash", "-c", 'umask 000; eval "$0"'] })
      await works(await open(server))
      const cache = join(server.home, ".cache/datamaestro")
      for (const path of [cache, join(cache, "agents")]) expect((await stat(path)).mode & 0o777, path).to.equal(0o700)
      const [hash = ""] = await readdir(join(cache, "agents"))
      expect((await stat(join(cache, "agents", hash))).mode & 0o777).to.equal(0o700)
      expect((await stat(join(cache, "agents", hash, "agent.cjs"))).mode & 0o777).to.equal(0o600)
    })
  })

  describe("whose home", () => {
    before(function () {
      if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
    })
    const mounted = async (options: string, type = "tmpfs"): Promise<string> => {
      const path = join(environment.path, "home")
      await mkdir(path)
      execFileSync("mount", ["-t", type, "-o", options, type, path])
      cleanups.push(() => void execFileSync("umount", ["-l", path]))
      return path
    }

    for (const [state, options, kept] of [
      ["is full in the middle of the upload", "size=200k", "tmp"],
      ["is read-only", "ro", "tmp"],
      ["runs no programs (noexec), which the agent needs not", "noexec", "home"],
    ] as const) {
      it(state, async () => {
        const temporary = join(environment.path, "tmp")
        await mkdir(temporary)
        const home = await mounted(options)
        const server = await serve({ home, environment: { TMPDIR: temporary, XDG_RUNTIME_DIR: "" } })
        const session = await openSshSession(server)
        expect(session.uploads).to.deep.equal(["agent"])
        await works(session)
        expect(await readdir(temporary)).to.have.length(kept === "tmp" ? 1 : 0)
        expect(warningsOf(session) === "").to.equal(kept === "home")
        if (kept === "home") return
        expect(warningsOf(session)).to.contain(home)
        // Nothing half-written stays, and the next call finds what was kept elsewhere.
        const left = await readdir(join(home, ".cache/datamaestro/agents"), { recursive: true }).catch(() => [])
        expect(left.filter((name) => name.includes("agent.cjs"))).to.deep.equal([])
        const again = await openSshSession(server)
        expect(again.uploads).to.deep.equal([])
        await works(again)
      })
    }

    it("is of a file system that says it has no space, as ramfs counts none", async () => {
      const home = await mounted("mode=700", "ramfs")
      const session = await openSshSession(await serve({ home }))
      expect(session.uploads).to.deep.equal(["agent"])
      expect(warningsOf(session)).to.equal("")
      expect(await readdir(join(home, ".cache/datamaestro/agents"))).to.have.length(1)
    })

    byBothClients("and temporary folders can't be written: it runs from memory, and says so", async (open) => {
      const home = await mounted("ro")
      const hide = ["/tmp", "/var/tmp", "/dev/shm"].map((path) => `mount -t tmpfs -o ro tmpfs ${path}`).join("; ")
      const shell = ["/usr/bin/unshare", "-m", "/bin/bash", "-c", `${hide}; eval "$0"`]
      const server = await serve({ home, shell, environment: { SHELL: "/bin/bash" } })
      for (let call = 0; call < 2; call++) {
        const session = await open(server)
        expect(session.uploads).to.deep.equal(["agent"])
        expect(warningsOf(session)).to.contain("runs from memory")
        await works(session)
      }
    })

    it("is there, and /tmp is not", async () => {
      const shell = ["/usr/bin/unshare", "-m", "/bin/bash", "-c", 'mount -t tmpfs -o mode=0 tmpfs /tmp; eval "$0"']
      const home = join("/var/tmp", `datamaestro-test-${process.pid}`)
      cleanups.push(() => rm(home, { recursive: true, force: true }))
      await works(await openSshSession(await serve({ home, shell })))
    })
  })

  describe("whose Node is named", () => {
    it("as a script that becomes it: that is run each time, since it may set things up", async function () {
      skipWithoutTestUsers(this)
      const script = `#!/bin/sh\nif [ "$1" = -e ]; then echo >>~/started; fi\nexec '${process.execPath}' "$@"\n`
      const server = await account({ files: { "tools/node": script } })
      await chmod(join(server.home, "tools/node"), 0o755)
      for (const node of [join(server.home, "tools/node"), "~/tools/node", "tools/node"]) {
        await rm(join(server.home, "started"), { force: true })
        for (const times of [1, 2]) {
          await works(await openSshSession(server, { node }))
          expect(await readFile(join(server.home, "started"), "utf8"), node).to.equal("\n".repeat(times))
        }
      }
    })
  })

  describe("whose Node tells its version, and hangs instead of running a program:", () => {
    before(function () {
      skipWithoutTestUsers(this)
    })
    for (const transport of ["ssh2", "openssh"] as const) {
      it(`told by its name, and ended: ${transport}`, async () => {
        const machine = await account({})
        const place = join(machine.home, ".nvm/versions/node/v99.0.0/bin")
        await mkdir(place, { recursive: true })
        // It starts others, and does not let itself be told to end.
        const script = '#!/bin/sh\nif [ "$1" = --version ]; then echo v99.0.0; else trap "" HUP TERM; sleep 300; fi\n'
        await writeFile(join(place, "node"), script, { mode: 0o755 })
        const { configFile } = machine
        const ssh = { destination: "cluster", configFile, identityFiles: [], options: [], transport }
        const error = await rejection(openSshSession(machine, { ssh, bootTimeout: 3000 }))
        expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
        expect(error.message).to.contain(`with the Node at "${place}/node"`).and.contain("has not answered within 3 s")
        const uid = (await stat(machine.home)).uid
        const names = async (): Promise<string[]> =>
          await Promise.all(
            (await processesOf(uid)).map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
          )
        for (let wait = 0; wait < 50 && /sleep|node/.test((await names()).join()); wait++) await sleep(100)
        expect((await names()).join()).not.to.match(/sleep|node/)
      })
    }
  })

  describe("whose Node needs a library of a folder that LD_LIBRARY_PATH names", () => {
    before(function () {
      skipWithoutTestUsers(this)
      skipWithoutModuleTools(this)
    })
    const machineWith = async (files: TestUserOptions["files"] = {}): Promise<Sshd & { home: string }> => {
      const machine = await account({ files })
      await makeModuleNode(join(machine.home, "module"))
      return machine
    }
    const answers = async (machine: Sshd & { home: string }, node = join(machine.home, "module/bin/node")) => {
      const session = await openSshSession(machine, { node })
      expect(await session.agent.request("settings/get", {})).to.deep.equal({})
      const { pid, node: version } = session.initialized
      const environ = await readFile(`/proc/${pid}/environ`, "utf8")
      const path = await readlink(`/proc/${pid}/exe`)
      await session.close()
      return { path, version, libraries: /^LD_LIBRARY_PATH=(.*)$/m.exec(environ.replaceAll("\0", "\n"))?.[1] }
    }
    const LOADED = 'export PATH="$HOME/module/bin:$PATH" LD_LIBRARY_PATH=":$HOME/module/lib"\n'

    it("as the login shell sets that: it is started so, each time", async () => {
      const machine = await machineWith({ ".bash_profile": LOADED })
      const expected = { path: join(machine.home, "module/bin/node"), libraries: `:${machine.home}/module/lib` }
      for (let call = 0; call < 2; call++) expect(await answers(machine)).to.include(expected)
      // The second call knew.
      expect(machine.log().split("Starting session").length - 1).to.equal(2)
    })

    it("that is for it alone: another is started without", async () => {
      const machine = await machineWith({ ".bash_profile": LOADED.replace("$HOME/module/bin", "$HOME/plain") })
      await mkdir(join(machine.home, "plain"))
      await copyFile(process.execPath, join(machine.home, "plain/node"))
      const plain = join(machine.home, "plain/node")
      for (let call = 0; call < 2; call++) {
        expect(await answers(machine, plain)).to.deep.include({ path: plain, libraries: undefined })
      }
    })

    it("which is gone: told as one that is unusable", async () => {
      const machine = await machineWith({ ".bash_profile": LOADED })
      await answers(machine)
      await rm(join(machine.home, "module/lib"), { recursive: true })
      const error = await rejection(openSshSession(machine, { node: join(machine.home, "module/bin/node") }))
      expect(error).to.include({ code: "NO_NODE", exitStatus: 8 })
      expect(error.message).to.contain("module/bin/node (unusable)")
    })
  })

  describe("whose home is shared by several login nodes", () => {
    it("serves the same agent and data, wherever Node lies on each", async function () {
      if (!testUsersAvailable()) this.skip()
      const user = await createTestUser({ files: { ".bashrc": 'export PATH="$NODE_THERE:$PATH"\n' } })
      cleanups.push(() => user.remove())
      // Node of the first login node is not on the second.
      const moved = join(environment.path, "tools", "node")
      await mkdir(dirname(moved))
      await chmod(environment.path, 0o755)
      await copyFile(process.execPath, moved)
      const nodes = [
        await serveBySshd({ user: user.name, environment: { NODE_THERE: dirname(moved) } }),
        await serveBySshd({ user: user.name, environment: { NODE_THERE: dirname(process.execPath) } }),
      ]
      // One name leads to either of them: only what is behind it changes.
      const [first, second] = nodes as [Sshd, Sshd]
      const route: DelayProxyOptions = { target: first }
      const gate = await startDelayProxy(route)
      cleanups.push(() => gate.close())
      const known = nodes.flatMap((node) => node.hostKeys).map((key) => `cluster ${key}`)
      await writeFile(first.knownHostsFile, `${known.join("\n")}\n`)
      await copyFile(second.identityFile, join(first.folder, "second"))
      const config = join(first.folder, "both")
      await writeFile(
        config,
        `IdentityFile ${join(first.folder, "second")}\nHostKeyAlias cluster\nPort ${gate.port}\n${await readFile(first.configFile, "utf8")}`,
      )
      const call = async (): Promise<{ uploads: string[]; execPath: string }> => {
        const session = await openSshSession({ ...first, configFile: config })
        const execPath = await readlink(`/proc/${session.initialized.pid}/exe`)
        await works(session)
        return { uploads: session.uploads, execPath }
      }
      expect(await call()).to.deep.equal({ uploads: ["agent"], execPath: moved })
      route.target = second
      await rm(moved)
      expect(await call()).to.deep.equal({ uploads: [], execPath: process.execPath })
      expect((await call()).uploads).to.deep.equal([])
    })
  })

  describe("from which the connection is cut", () => {
    for (const moment of ["connected", "authenticating", "authenticated", "session", "exec"] as SshMoment[]) {
      byBothClients(`at "${moment}": told (exit 8), and the next call works`, async (open) => {
        let cutting = true
        const server = await serve({
          onMoment: (now, drop) => {
            if (cutting && now === moment) drop()
          },
        })
        const error = await rejection(open(server))
        expect(error).to.have.property("exitStatus", 8)
        expect(error).to.have.property("hint").that.is.a("string")
        cutting = false
        await works(await open(server))
      })
    }

    byBothClients("while the agent runs: the next request says so, and nothing stays running", async (open) => {
      const server = await serve()
      const session = await open(server)
      const { pid } = session.initialized
      server.drop()
      expect(await rejection(session.agent.request("settings/get", {}))).to.have.property("exitStatus", 8)
      await session.close()
      for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries++) await sleep(50)
      expect(existsSync(`/proc/${pid}`)).to.equal(false)
    })
  })
})
