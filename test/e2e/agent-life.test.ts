import { expect } from "chai"
import { execFileSync, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import { startSshServer } from "../helpers/ssh-server.ts"
import { openLocalSession, openSshSession } from "../helpers/ssh-session.ts"

const STEP = `
  import { Repository, defineDataset, step, textFile } from "@datamaestro/dataset"
  import { spawn } from "node:child_process"
  import { writeFileSync } from "node:fs"
  import { open } from "node:fs/promises"
  const made = step({
    from: [],
    name: "made.txt",
    async run({ signal }) {
      if (process.env.LEAVES) setTimeout(() => process.exit(3))
      if (process.env.PIPE) void open(process.env.PIPE)
      const child = spawn("sleep", ["300"], { stdio: "ignore" })
      writeFileSync(process.env.PROOF, JSON.stringify({ agent: process.pid, child: child.pid }))
      if (process.env.ENDLESS) for (;;);
      await new Promise((_, reject) => {
        if (process.env.DEAF !== "yes") signal.addEventListener("abort", () => reject(signal.reason))
      })
    },
  })
  export class MyRepository extends Repository {
    static NAMESPACE = "slow"
    static DESCRIPTION = "Takes its time"
    static datasets = {
      "org.example.slow": () => defineDataset({ id: "org.example.slow", resources: { made }, describe: ({ made }) => ({ made: textFile(made) }) }),
    }
  }`

describe("the agent's life", function () {
  this.timeout(30_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let proof: string

  beforeEach(async () => {
    environment = await privateEnvironment()
    proof = join(environment.path, "proof.json")
    const { writeRepositoryPackage } = await import("../helpers/repository-package.ts")
    process.env["DATAMAESTRO_REPOSITORY_PATH"] = await writeRepositoryPackage(environment.path, {
      id: "slow",
      files: { "lib/index.js": STEP },
    })
    process.env["PROOF"] = proof
  })

  afterEach(async () => {
    for (const name of ["DATAMAESTRO_REPOSITORY_PATH", "PROOF", "DEAF", "ENDLESS", "PIPE", "LEAVES"])
      delete process.env[name]
    await environment.restore()
  })

  const working = async (): Promise<{ agent: number; child: number }> => {
    for (;;) {
      const text = await readFile(proof, "utf8").catch(() => "")
      if (text !== "") return JSON.parse(text) as { agent: number; child: number }
      await sleep(20)
    }
  }
  const lease = (): string => join(environment.path, "data/data/slow/org/example/slow/.state.lease")
  const gone = async (pid: number): Promise<void> => {
    for (;;) {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)
      if (stat === undefined || stat.includes(") Z ")) return
      await sleep(20)
    }
  }
  const going = { id: "org.example.slow", encoder: "normal", download: true } as const
  const request = { ...going, onDisconnect: "cancel" } as const

  it("finishes its work when the connection closes, unless it is asked to end", async () => {
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const prepared = rejection(session.agent.request("datasets/prepare", { ...going, job: "goes-on" }))
    const { agent, child } = await working()
    await session.close()
    expect(await prepared).to.have.property("code", "CONNECTION_LOST")
    const second = await openLocalSession({ data: join(environment.path, "data") })
    const { jobs } = await second.agent.request("jobs/list", {})
    expect(jobs[0]).to.include({ id: "goes-on", state: "running", pid: agent })
    expect(await second.agent.request("jobs/cancel", { job: "goes" })).to.deep.equal({
      job: "goes-on",
      state: "cancelled",
    })
    await gone(agent)
    await gone(child)
    expect(existsSync(lease())).to.equal(false)
    await second.close()
  })

  it("ends with its controller, killed with -9, and takes its children and its lock along", async () => {
    const script = join(environment.path, "controller.mts")
    const helper = fileURLToPath(new URL("../helpers/ssh-session.ts", import.meta.url))
    await writeFile(
      script,
      `import { openLocalSession } from ${JSON.stringify(helper)}
       const session = await openLocalSession({ data: process.env.HOME + "/data" })
       await session.declareRepositories()
       await session.agent.request("datasets/prepare", ${JSON.stringify(request)})`,
    )
    const root = fileURLToPath(new URL("../..", import.meta.url))
    const controller = spawn(process.execPath, ["--import=tsx", "--conditions=@datamaestro/source", script], {
      stdio: ["ignore", "inherit", "inherit"],
      cwd: root,
    })
    const { agent, child } = await working()
    expect(existsSync(lease())).to.equal(true)
    controller.kill("SIGKILL")
    await gone(agent)
    await gone(child)
    expect(existsSync(lease())).to.equal(false)
  })

  it("cancels what is asked to be cancelled, and goes on to serve", async () => {
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const abort = new AbortController()
    const prepared = rejection(session.agent.request("datasets/prepare", request, { signal: abort.signal }))
    await working()
    abort.abort()
    expect(await prepared).to.include({ code: "INTERRUPTED", exitStatus: 130 })
    expect(existsSync(lease())).to.equal(false)
    expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    await session.close()
  })

  it("is ended where it never speaks, and heeds nothing, as Node does that gets too few threads", async () => {
    const node = join(environment.path, "node")
    await writeFile(
      node,
      '#!/bin/sh\ntrap \'\' TERM INT HUP\necho "{\\"agent\\":$$}" > "$PROOF"\nwhile :; do sleep 1; done',
      {
        mode: 0o755,
      },
    )
    const late = await rejection(openLocalSession({ node, bootTimeout: 500 }))
    expect(late.message).to.contain("the agent has not answered within")
    await gone((await working()).agent)
    await rm(proof)
    const abort = new AbortController()
    const interrupted = rejection(openLocalSession({ node, signal: abort.signal }))
    const { agent } = await working()
    abort.abort()
    expect((await interrupted).code).to.equal("INTERRUPTED")
    await gone(agent)
  })

  it("ends when its connection closes, even if a step is deaf", async () => {
    process.env["DEAF"] = "yes"
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const prepared = rejection(session.agent.request("datasets/prepare", request))
    const { agent, child } = await working()
    await session.close()
    expect(await prepared).to.have.property("code", "CONNECTION_LOST")
    await gone(agent)
    await gone(child)
  })

  it("goes on while a step computes without end, and ends that when it is cancelled, and its lock", async () => {
    process.env["ENDLESS"] = "yes"
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const abort = new AbortController()
    const prepared = rejection(session.agent.request("datasets/prepare", request, { signal: abort.signal }))
    const { agent } = await working()
    expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    expect(existsSync(lease())).to.equal(true)
    abort.abort()
    expect(await prepared).to.have.property("code", "INTERRUPTED")
    expect(existsSync(lease())).to.equal(false)
    await session.close()
    await gone(agent)
  })

  it("ends when its connection closes, even if a thread of its waits at a pipe, as at a silent name server", async function () {
    if (process.platform === "win32") this.skip()
    process.env["PIPE"] = join(environment.path, "pipe")
    execFileSync("mkfifo", [process.env["PIPE"]])
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const prepared = rejection(session.agent.request("datasets/prepare", request))
    const { agent, child } = await working()
    await session.close()
    expect(await prepared).to.have.property("code", "CONNECTION_LOST")
    await gone(agent)
    await gone(child)
    expect(existsSync(lease())).to.equal(false)
  })

  it("is not ended by a step that calls process.exit, wherever in its code", async () => {
    process.env["LEAVES"] = "yes"
    const session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
    const error = (await rejection(session.agent.request("datasets/prepare", request))) as Error
    expect(error).to.include({
      code: "STEP_FAILED",
      message: 'Cannot make "made" of "org.example.slow": it called process.exit(3)',
    })
    expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    await session.close()
    await gone(session.initialized.pid)
  })

  it("ends on SIGTERM as on a closed connection, and outlives a Ctrl-C that reaches it", async () => {
    const session = await openLocalSession({ data: join(environment.path, "data") })
    process.kill(session.initialized.pid, "SIGINT")
    expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    process.kill(session.initialized.pid, "SIGTERM")
    await gone(session.initialized.pid)
    const error = await rejection(session.agent.request("datafolders/list", {}))
    expect(error).to.include({ code: "AGENT_DIED", exitStatus: 9 })
    expect((error as Error).message).to.not.contain("Warning")
    await session.close()
  })

  it("ends with the SSH connection", async () => {
    const home = join(environment.path, "remote")
    await mkdir(home)
    const server = await startSshServer({ home })
    try {
      const session = await openSshSession(server)
      server.drop()
      await gone(session.initialized.pid)
      const error = await rejection(session.agent.request("datafolders/list", {}))
      expect(error).to.have.property("exitStatus", 8)
      await session.close()
    } finally {
      await server.close()
    }
  })

  it("reads DATAMAESTRO_DIR of its own process on this machine, and --data before it", async () => {
    process.env["DATAMAESTRO_DIR"] = join(environment.path, "of-the-variable")
    try {
      const session = await openLocalSession()
      expect(session.initialized).to.have.nested.property("paths.data", join(environment.path, "of-the-variable"))
      expect(session.initialized.dataSource).to.equal("environment")
      await session.close()
      const other = await openLocalSession({ data: "~/of-the-option" })
      expect(other.initialized.paths.data).to.equal(join(environment.path, "of-the-option"))
      await other.close()
    } finally {
      delete process.env["DATAMAESTRO_DIR"]
    }
  })
})
