import { expect } from "chai"
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { datamaestro, LAUNCHER } from "../helpers/command-line.ts"
import { heldLab } from "../helpers/held-lab.ts"
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

  it("takes its configuration from a command of the shell (-F <(…)), as the built-in client does", async () => {
    for (const transport of ["ssh2", "openssh"]) {
      const line = `"$0" "$1" -F <(cat "$2") --transport ${transport} --host cluster --data /tmp/elsewhere version`
      const args = ["-c", line, process.execPath, LAUNCHER, sshd.configFile]
      const { status, stdout, stderr } = spawnSync("bash", args, { env: env(), encoding: "utf8" })
      expect(status, stderr).to.equal(0)
      expect(stdout).to.match(/^datamaestro\t/)
    }
    const nothing = ["-c", '"$0" "$1" -F <(true) --host cluster version', process.execPath, LAUNCHER]
    const { status, stderr } = spawnSync("bash", nothing, { env: env(), encoding: "utf8" })
    expect(status).to.equal(2)
    expect(stderr).to.contain("it is a pipe, not a file")
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

  describe("where the person has a shared connection (ssh -M)", () => {
    let config: string
    const control = (command: string): string =>
      spawnSync("ssh", ["-F", config, "-O", command, "cluster"], { encoding: "utf8" }).stderr
    const logIns = (): number => sshd.log().split("Accepted publickey").length - 1
    beforeEach(async () => {
      config = join(home.path, "shared")
      await writeFile(config, `ControlPath ${home.path}/c-%C\n${await readFile(sshd.configFile, "utf8")}`)
      await share()
    })
    const share = async (): Promise<void> => {
      const before = logIns()
      execFileSync("ssh", ["-F", config, "-M", "-N", "-f", "cluster"], { stdio: "ignore" })
      // The server tells of it in its own time.
      while (logIns() === before) await sleep(10)
    }
    afterEach(() => void control("exit"))
    const openssh = (...args: string[]): ReturnType<typeof datamaestro> =>
      datamaestro(["-F", config, "--host", "cluster", "--transport", "openssh", ...args], { env: env() })

    it("uses it, logs in no second time, and leaves it as it was", async () => {
      const before = logIns()
      const pid = control("check")
      for (let call = 0; call < 2; call++) {
        const { status, stderr } = await openssh("version")
        expect(status, stderr).to.equal(0)
      }
      const examined = await openssh("doctor", "--json", "--url", "http://127.0.0.1:1/")
      const { steps } = JSON.parse(examined.stdout) as { steps: { step: string; found: string }[] }
      expect(steps.find(({ step }) => step === "authenticate")?.found).to.equal("by your shared connection")
      expect(logIns()).to.equal(before)
      expect(control("check")).to.equal(pid).and.contain("running")
    })

    it("holds it not itself: after `hosts close` it is there as before", async () => {
      const lab = await heldLab()
      try {
        const before = logIns()
        const args = ["-F", config, "--host", "cluster", "--transport", "openssh", "datafolders", "list"]
        for (let call = 0; call < 2; call++) {
          const { status, stderr } = await lab.run(args)
          expect(status, stderr).to.equal(0)
        }
        const [held, ...others] = await lab.held()
        expect(held?.host).to.equal("cluster")
        expect(others).to.deep.equal([])
        expect(logIns()).to.equal(before)
      } finally {
        await lab.remove()
      }
      expect(control("check")).to.contain("running")
    })

    it("does without it when it was killed, or hangs", async () => {
      for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
        const pid = Number(/pid=(\d+)/.exec(control("check"))?.[1])
        process.kill(pid, signal)
        try {
          const { status, stderr } = await openssh("version")
          expect(status, stderr).to.equal(0)
        } finally {
          if (signal === "SIGSTOP") process.kill(pid, "SIGKILL")
        }
        for (const name of await readdir(home.path)) if (name.startsWith("c-")) await rm(join(home.path, name))
        if (signal === "SIGKILL") await share()
      }
    })
  })

  it("leaves nothing of a log-in that Ctrl-C interrupts, also where the connection was to be held", async () => {
    const lab = await heldLab()
    const temporary = await temporaryFolder("t-")
    try {
      const begun = join(lab.home, "begun")
      const hangs = `ProxyCommand=sh -c 'echo > ${begun}; exec sleep 600'`
      let interrupt: (signal: NodeJS.Signals) => void = () => {}
      const args = ["-F", sshd.configFile, "--host", "cluster", "--transport", "openssh", "-o", hangs, "version"]
      const running = lab.run(args, { env: { TMPDIR: temporary.path }, onStart: (kill) => (interrupt = kill) })
      while (!existsSync(begun)) await sleep(20)
      interrupt("SIGINT")
      expect((await running).status).to.equal(130)
      while ((await readdir(temporary.path)).length > 0) await sleep(20)
    } finally {
      await lab.remove()
      await temporary.remove()
    }
  })

  it("ends what ssh keeps in the background where Ctrl-C comes in the moment in which that was made", async () => {
    const lab = await heldLab()
    try {
      const [programs, made, calls] = ["programs", "made", "calls"].map((name) => join(lab.home, name)) as [
        string,
        string,
        string,
      ]
      const ssh = `echo "$*" >> ${calls}; $(PATH=\${PATH#*:}; command -v ssh) "$@" || exit`
      const slow = `case "$*" in *" -N "*) : > ${made}; exec sleep 60;; esac`
      await mkdir(programs)
      await writeFile(join(programs, "ssh"), `#!/bin/sh\n${ssh}\n${slow}\n`, { mode: 0o755 })
      let interrupt: (signal: NodeJS.Signals) => void = () => {}
      const args = ["-F", sshd.configFile, "--host", "cluster", "--transport", "openssh", "version"]
      const running = lab.run(args, {
        env: { PATH: `${programs}:${process.env["PATH"]}`, DATAMAESTRO_HOLD_MINUTES: "off" },
        onStart: (kill) => (interrupt = kill),
      })
      while (!existsSync(made)) await sleep(20)
      interrupt("SIGINT")
      expect((await running).status).to.equal(130)
      const [, socket] = / -N -o (ControlPath=\S+)/.exec(await readFile(calls, "utf8")) ?? []
      expect(await readFile(calls, "utf8")).to.contain(`-o ${socket} -O exit`)
    } finally {
      await lab.remove()
    }
  })

  it("holds a connection between commands as the built-in client does", async () => {
    const lab = await heldLab()
    try {
      const before = sshd.log().split("Accepted publickey").length
      const args = ["-F", sshd.configFile, "--host", "cluster", "--transport", "openssh", "datafolders", "list"]
      const first = await lab.run(args)
      expect(first.status, first.stderr).to.equal(0)
      for (let call = 0; call < 2; call++) expect(await lab.run(args)).to.deep.equal({ ...first, stderr: "" })
      expect(sshd.log().split("Accepted publickey").length).to.equal(before + 1)
      expect((await lab.held()).map(({ host }) => host)).to.deep.equal(["cluster"])
    } finally {
      await lab.remove()
    }
  })

  it("finds a configuration and a key that are named from the folder where the command was typed", async () => {
    const lab = await heldLab()
    try {
      const cwd = dirname(sshd.configFile)
      const files = ["-F", basename(sshd.configFile), "-i", basename(sshd.identityFile)]
      const args = [...files, "--host", "cluster", "--transport", "openssh", "datafolders", "list"]
      for (let call = 0; call < 2; call++) {
        const { status, stderr } = await lab.run(args, { cwd })
        expect(status, stderr).to.equal(0)
      }
    } finally {
      await lab.remove()
    }
  })

  it("is for connecting only (exit 2)", async () => {
    const { status, stderr } = await datamaestro(["--transport", "openssh", "version"], { env: env() })
    expect(status).to.equal(2)
    expect(stderr).to.contain("--host")
    expect((await datamaestro(["--transport", "telnet", "version"], { env: env() })).status).to.equal(2)
  })
})
