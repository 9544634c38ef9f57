import { expect } from "chai"
import { existsSync } from "node:fs"
import { mkdir, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isAlive, until, type RunningCommand } from "../helpers/job-lab.ts"
import { startRemoteJobLab, type RemoteJobLab } from "../helpers/remote-job-lab.ts"
import { skipWithoutSshd } from "../helpers/sshd.ts"

describe("jobs over SSH", function () {
  this.timeout(120_000)
  let lab: RemoteJobLab
  before(function () {
    skipWithoutSshd(this)
  })
  beforeEach(async () => {
    lab = await startRemoteJobLab({ client: ["ServerAliveInterval 1", "ServerAliveCountMax 2", "ConnectTimeout 2"] })
  })
  afterEach(() => lab.close())

  const remote = (...args: string[]): RunningCommand => lab.remote(...args)
  const list = async (): Promise<{ id: string; state: string }[]> => {
    const command = remote("--json", "jobs", "list")
    await command.ended
    return JSON.parse(command.stdout) as { id: string; state: string }[]
  }
  const lease = (id: string): string => join(lab.data, "data/lab", ...id.split("."), ".state.lease")

  for (const [how, cut] of [
    ["whose server's processes are killed", async () => await lab.sshd.killConnections()],
    ["that is reset", () => Promise.resolve(lab.proxy.cut())],
    [
      "that is silent for a while",
      async () => {
        lab.proxy.swallow()
        await sleep(4000)
        lab.proxy.cut()
        lab.proxy.resume()
      },
    ],
  ] as const) {
    it(`pause over a connection ${how}, and go on as if nothing had happened`, async () => {
      const command = remote("prepare", lab.dataset(3))
      await command.said(/part0: downloading/)
      await sleep(700)
      await cut()
      await command.said(/was lost; the work goes on there: reconnecting/)
      await command.said(/Connected to "cluster" again/)
      expect(await command.ended, command.stderr).to.equal(0)
      expect(await lab.isRight(command.stdout)).to.equal(true)
      expect(command.stderr.match(/part0: downloaded/g)).to.have.length(1)
      expect(lab.origin.requestsOf("/3/0")).to.have.length(1)
      expect(await list()).to.have.length(1)
    })
  }

  it("are cancelled by Ctrl-C also after the connection was made anew", async () => {
    const command = remote("prepare", lab.dataset(30))
    await command.said(/part0: downloading/)
    await until(async () => (await lab.jobs()).length > 0)
    const [job = ""] = await lab.jobs()
    const pid = await lab.holder(job)
    await lab.sshd.killConnections()
    await command.said(/Connected to "cluster" again/)
    await sleep(500)
    command.child.kill("SIGINT")
    expect(await command.ended).to.equal(130)
    await until(() => !isAlive(pid))
    expect(existsSync(lease(lab.dataset(30)))).to.equal(false)
    expect(await list()).to.have.nested.property("[0].state", "cancelled")
  })

  it("are named when the machine can't be reached again", async () => {
    await mkdir(join(lab.home, ".config/datamaestro"), { recursive: true })
    await writeFile(join(lab.home, ".config/datamaestro/user.json"), JSON.stringify({ reconnect_minutes: 0.05 }))
    const command = remote("prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    await until(async () => (await lab.jobs()).length > 0)
    const [job = ""] = await lab.jobs()
    lab.proxy.swallow()
    lab.proxy.cut()
    expect(await command.ended).to.equal(8)
    expect(command.stderr).to.match(/error: Cannot reconnect to "cluster" in 0\.05 min/)
    expect(command.stderr).to.contain(`datamaestro --host cluster --data ${lab.data} jobs attach ${job}`)
    lab.proxy.resume()
    const attached = remote("jobs", "attach", job)
    expect(await attached.ended, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
  })

  it("that are detached outlive their connection, and are cancelled over another one", async () => {
    const detached = remote("prepare", "--detach", lab.dataset(30))
    expect(await detached.ended, detached.stderr).to.equal(0)
    const job = detached.stdout.trim()
    const pid = await lab.holder(job)
    await lab.sshd.killConnections()
    await sleep(300)
    expect(isAlive(pid)).to.equal(true)
    const cancelled = remote("jobs", "cancel", job)
    expect(await cancelled.ended, cancelled.stderr).to.equal(0)
    await until(() => !isAlive(pid))
  })

  it("that are detached leave nothing of the system's ssh", async () => {
    const temporary = join(lab.folder, "t")
    await mkdir(temporary)
    lab.env["TMPDIR"] = temporary
    const detached = remote("--transport", "openssh", "prepare", "--detach", lab.dataset(0.2))
    expect(await detached.ended, detached.stderr).to.equal(0)
    expect(await readdir(temporary)).to.deep.equal([])
  })

  it("leave no agent behind when there is nothing to do", async () => {
    const command = remote("prepare", lab.dataset(0.2))
    expect(await command.ended, command.stderr).to.equal(0)
    const [job = ""] = await lab.jobs()
    expect(existsSync(join(lab.data, "jobs", job, "lease"))).to.equal(false)
    expect(existsSync(join(lab.data, "jobs", job, "result.json"))).to.equal(true)
  })
})
