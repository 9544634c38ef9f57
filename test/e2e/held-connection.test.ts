import { expect } from "chai"
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { startDelayProxy } from "../helpers/delay-proxy.ts"
import { until } from "../helpers/job-lab.ts"
import { heldLab, modeOf, processEnd, type HeldLab } from "../helpers/held-lab.ts"
import { hasPseudoTerminal, inTerminal } from "../helpers/pseudo-terminal.ts"
import { LAUNCHER } from "../helpers/command-line.ts"
import { sampleRepository } from "../helpers/sample-repository.ts"
import { startSshServer, type SshServer, type SshServerOptions } from "../helpers/ssh-server.ts"

describe("a held connection", function () {
  this.timeout(60_000)
  let lab: HeldLab
  let server: SshServer
  const start = async (options: SshServerOptions = {}): Promise<void> => {
    server = await startSshServer(options)
  }
  beforeEach(async () => {
    lab = await heldLab()
  })
  afterEach(async () => {
    await lab.remove()
    await server.close()
  })
  const call = (...args: string[]): string[] => ["-F", server.configFile, "--host", "cluster", ...args]
  const list = (...args: string[]): ReturnType<HeldLab["run"]> => lab.run(call("datafolders", "list", ...args))
  const only = async (): Promise<{ pid: number; commands: number }> => {
    const [first, ...others] = await lab.held()
    if (first === undefined || others.length > 0) throw new Error(`${others.length} besides ${first?.address}`)
    return first.held
  }

  it("serves the commands after the one that made it, with the same results", async () => {
    await start()
    await lab.run(call("datafolders", "set", "large", "/l"))
    for (let count = 0; count < 3; count++) {
      expect(await list()).to.deep.equal({ status: 0, stdout: "large\t/l\n", stderr: "" })
    }
    expect(server.connections).to.equal(1)
    expect(await only()).to.include({ commands: 0 })
  })

  it("has asked the login shell before a command comes, and asks again where its start-up files changed", async () => {
    await start()
    const asks = join(server.home, "asks")
    const profile = (folder: string): Promise<void> =>
      writeFile(
        join(server.home, ".profile"),
        `echo ${folder} >> ${asks}; export DATAMAESTRO_DIR=${join(server.home, folder)}\n`,
      )
    const asked = async (): Promise<string[]> =>
      (await readFile(asks, "utf8").catch(() => "")).split("\n").filter((line) => line !== "")
    const until = async (times: number): Promise<void> => {
      while ((await asked()).length < times) await sleep(20)
    }
    await profile("a")
    await lab.run(call("datafolders", "set", "large", "/l"))
    // The search for Node, the agent of this command, and the one that waits.
    await until(3)
    expect(await list()).to.include({ stdout: "large\t/l\n" })
    await until(4)
    // At once, as a program does that changes the file and goes on.
    await profile("b")
    expect(await list()).to.include({ status: 0, stdout: "" })
    expect((await asked()).slice(3, 5)).to.deep.equal(["a", "b"])
  })

  it("asks nothing a second time: password and one-time code", async function () {
    if (!hasPseudoTerminal && process.env["CI"] === undefined) this.skip()
    await start({
      password: "sesame",
      requiredMethods: ["password", "keyboard-interactive"],
      keyboardInteractive: async (ask) => (await ask(["Code:"]))[0] === "123456",
    })
    const line = `"${process.execPath}" "${LAUNCHER}" ${call("--debug", "datafolders", "list").join(" ")}`
    const answers = [
      ["Password", "sesame\r"],
      ["Code", "123456\r"],
    ] as const
    const env = { ...process.env, ...lab.env }
    const first = await inTerminal(line, answers, env)
    expect(first.status, first.screen).to.equal(0)
    expect(first.screen)
      .to.contain("Password")
      .and.contain("Code:")
      .and.not.match(/sesame|123456/)
    const second = await list()
    expect(second.status, second.stderr).to.equal(0)
    expect(server.connections).to.equal(1)
  })

  it("serves a copy, too, which asks nothing either", async () => {
    await start()
    await list()
    const copied = await lab.run(["-F", server.configFile, "copy", "com.lecun.mnist", "--from", "cluster"])
    expect(copied.status, copied.stderr).to.equal(7)
    expect(copied.stderr).to.contain("it is not prepared where it is to come from")
    expect(server.connections).to.equal(1)
  })

  it("tells why it can't be made, and is not there then", async () => {
    await start({ requiredMethods: ["password"], password: "sesame" })
    const { status, stderr } = await list()
    expect(status).to.equal(8)
    expect(stderr).to.contain('Cannot log in to "cluster"').and.contain("  hint: ")
    expect(await lab.held()).to.deep.equal([])
  })

  it("is made where the server answers nothing for a while after the log-in (PAM)", async () => {
    const block = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000)
    await start({ onMoment: (moment) => (moment === "authenticated" ? void setImmediate(block) : undefined) })
    const { status, stderr } = await list()
    expect(status, stderr).to.equal(0)
    expect(await only()).to.have.property("commands", 0)
  })

  it("is in a folder and behind a socket that nobody else can open", async () => {
    await start()
    await list()
    const folder = join(lab.home, ".cache/datamaestro/held")
    expect(await modeOf(folder)).to.equal("700")
    const sockets = (await readdir(folder)).filter((name) => name.endsWith(".sock"))
    expect(sockets).to.have.length(1)
    expect(await modeOf(join(folder, sockets[0] ?? ""))).to.equal("600")
    // What others could have entered is closed to them before it is used.
    await chmod(folder, 0o777)
    expect((await list()).status).to.equal(0)
    expect(await modeOf(folder)).to.equal("700")
  })

  it("serves no other configuration", async () => {
    await start()
    await list()
    await list("--node", process.execPath)
    await list("-o", "SetEnv=A=b")
    expect(server.connections).to.equal(3)
    await list("-o", "SetEnv=A=b")
    expect(server.connections).to.equal(3)
  })

  it("ends after its time", async () => {
    await start()
    // Long enough to be seen on a machine that is busy.
    await lab.run(call("datafolders", "list"), { env: { DATAMAESTRO_HOLD_MINUTES: "0.1" } })
    expect(await processEnd((await only()).pid, 30_000)).to.equal(true)
    expect(await lab.held()).to.deep.equal([])
  })

  it("is not made where it is not wanted", async () => {
    await start()
    const settings = join(lab.home, ".config/datamaestro/user.json")
    await mkdir(join(settings, ".."), { recursive: true })
    const quiet = { DATAMAESTRO_HOLD_MINUTES: "", CI: "" }
    const attempt = async (text: string, env: NodeJS.ProcessEnv, ...args: string[]): Promise<number> => {
      await writeFile(settings, text)
      const { status, stderr } = await lab.run(call("datafolders", "list", ...args), { env: { ...quiet, ...env } })
      expect(status, stderr).to.equal(0)
      const held = await lab.held()
      await lab.run(["hosts", "close", "--all"])
      return held.length
    }
    expect(await attempt("{}", { DATAMAESTRO_HOLD_MINUTES: "off" })).to.equal(0)
    expect(await attempt('{ "hold_minutes": "off" }', {})).to.equal(0)
    expect(await attempt('{ "hosts": { "cluster": { "hold_minutes": 0 } }, "hold_minutes": 5 }', {})).to.equal(0)
    expect(await attempt("{}", { CI: "true" })).to.equal(0)
    expect(await attempt("{}", {}, "-o", "ControlPersist=no")).to.equal(0)
    expect(await attempt("{}", {})).to.equal(1)
    expect(await attempt('{ "hold_minutes": 5 }', { CI: "true" })).to.equal(1)
    expect(await attempt("{}", {}, "-o", "ControlPersist=1m")).to.equal(1)
  })

  it("is replaced when its holder was killed, or hangs", async () => {
    await start()
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      await list()
      const { pid } = await only()
      process.kill(pid, signal)
      const { status, stderr } = await list()
      expect(status, stderr).to.equal(0)
      expect((await only()).pid).to.not.equal(pid)
      // One that hung ends when it finds its place taken.
      if (signal === "SIGSTOP") process.kill(pid, "SIGCONT")
      expect(await processEnd(pid)).to.equal(true)
    }
  })

  it("is replaced when its link was cut, or swallows everything", async () => {
    await start()
    const proxy = await startDelayProxy({ target: server })
    const through = (): ReturnType<HeldLab["run"]> => list("-o", `Port=${proxy.port}`, "-o", "StrictHostKeyChecking=no")
    try {
      await through()
      const { pid } = await only()
      proxy.cut()
      expect((await through()).status).to.equal(0)
      expect(await processEnd(pid)).to.equal(true)
      expect(proxy.connections).to.equal(2)
      const second = await only()
      proxy.swallow()
      const silent = through()
      setTimeout(() => proxy.resume(), 1000)
      const { status, stderr } = await silent
      expect(status, stderr).to.equal(0)
      expect(await processEnd(second.pid)).to.equal(true)
      expect(proxy.connections).to.equal(3)
    } finally {
      await proxy.close()
    }
  })

  it("gives way on a server that allows one program at a time", async () => {
    await start({ maxSessions: 1 })
    for (let count = 0; count < 3; count++) {
      const { status, stderr } = await lab.run(call("version"))
      expect(status, stderr).to.equal(0)
      const other = await list()
      expect(other.status, other.stderr).to.equal(0)
    }
  })

  it("leaves nothing behind after Ctrl-C, or a killed command", async () => {
    await start()
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const sample = await sampleRepository()
      await list()
      const { pid } = await only()
      const { DATAMAESTRO_REPOSITORY_PATH, DATAMAESTRO_DIR } = sample.env
      const { status } = await lab.run(call("--on-disconnect", "cancel", "prepare", "org.endless"), {
        env: { DATAMAESTRO_REPOSITORY_PATH, DATAMAESTRO_DIR },
        signalWhen: { said: /downloading/, signal },
      })
      expect(status).to.equal(signal === "SIGINT" ? 130 : null)
      expect(await processEnd(pid)).to.equal(true)
      await until(async () => (await lab.held()).length === 0)
      await sample.close()
    }
  })

  it("carries the cancellation of Ctrl-C, so that no work goes on", async () => {
    await start()
    const sample = await sampleRepository()
    const { DATAMAESTRO_REPOSITORY_PATH, DATAMAESTRO_DIR } = sample.env
    const env = { DATAMAESTRO_REPOSITORY_PATH, DATAMAESTRO_DIR }
    await list()
    const { status, stderr } = await lab.run(call("prepare", "org.endless"), {
      env,
      signalWhen: { said: /downloading/, signal: "SIGINT" },
    })
    expect(status).to.equal(130)
    expect(stderr).to.contain("cancelling").and.not.contain("lost")
    await until(async () =>
      /^\w+\tcancelled\torg\.endless\t/.test((await lab.run(call("jobs", "list"), { env })).stdout),
    )
    await sample.close()
  })

  it("ends when its folder is gone", async () => {
    await start()
    await list()
    const { pid } = await only()
    await lab.run(["version"])
    const { rm } = await import("node:fs/promises")
    await rm(join(lab.home, ".cache"), { recursive: true })
    expect(await processEnd(pid)).to.equal(true)
  })

  it("is listed by hosts, and closed by it", async () => {
    await start()
    await list()
    const settings = join(lab.home, ".config/datamaestro/user.json")
    await mkdir(join(settings, ".."), { recursive: true })
    await writeFile(settings, JSON.stringify({ hosts: { lab: { host: "me@lab.example" } } }))
    const { stdout } = await lab.run(["hosts"])
    const address = `tester@127.0.0.1:${server.port}`
    expect(stdout.split("\n").map((line) => line.split("\t"))).to.deep.equal([
      ["cluster", address, process.execPath, stdout.split("\n")[0]?.split("\t")[3]],
      ["lab", "me@lab.example:22", "-", "-"],
      [""],
    ])
    expect(stdout).to.match(/held since \d{4}-.*, idle for \d+ s, ends in \d+ s, process \d+\n/)
    const { pid } = await only()
    await lab.run(["-o", "ConnectTimeout=9", ...call("version")])
    const two = (await lab.run(["hosts"])).stdout.trimEnd().split("\n")
    expect(two).to.have.length(2)
    expect(two[0])
      .to.match(/\t2 connections: held since .*, process \d+; held since .*, process \d+$/)
      .and.contain(`${pid}`)
    const [cluster] = JSON.parse((await lab.run(["--json", "hosts"])).stdout) as { held: { pid: number }[] }[]
    expect(new Set(cluster?.held.map((each) => each.pid)).size).to.equal(2)
    expect((await lab.run(["hosts", "close"])).status).to.equal(2)
    expect((await lab.run(["hosts", "close", "elsewhere"])).stderr).to.contain('No connection to "elsewhere" is held')
    expect((await lab.run(["hosts", "close", "cluster"])).status).to.equal(0)
    expect(await processEnd(pid)).to.equal(true)
    expect((await lab.run(["hosts"])).stdout).to.contain(`${address}\t${address}\t${process.execPath}\t-\n`)
  })
})
