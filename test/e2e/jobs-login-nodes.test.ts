import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { readdir, readFile, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { isAlive, startJobLab, until, type JobLab, type RunningCommand } from "../helpers/job-lab.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

/** Whether commands can be given a host name of their own. */
function namesAvailable(): boolean {
  try {
    execFileSync("unshare", ["--uts", "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

describe("two login nodes that share a data directory", function () {
  this.timeout(60_000)
  let lab: JobLab
  let nodes: Sshd[] = []
  before(function () {
    skipWithoutSshd(this)
    if (!namesAvailable() && process.env["CI"] === undefined) this.skip()
  })
  beforeEach(async () => {
    lab = await startJobLab()
    nodes = await Promise.all(
      ["login1", "login2"].map((name) =>
        startSshd({
          environment: { HOME: lab.home },
          config: [
            `ForceCommand exec unshare --uts /bin/sh -c 'hostname ${name}; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'`,
          ],
        }),
      ),
    )
  })
  afterEach(async () => {
    await lab?.close()
    for (const node of nodes) await node.stop()
  })

  const on = (number: 1 | 2, ...args: string[]): RunningCommand =>
    lab.start("-F", nodes[number - 1]?.configFile ?? "", "--host", "cluster", "--data", lab.data, ...args)
  const run = async (number: 1 | 2, ...args: string[]): Promise<string> => {
    const command = on(number, ...args)
    expect(await command.ended, command.stderr).to.equal(0)
    return command.stdout.trimEnd()
  }

  it("list, attach to and cancel each other's jobs", async () => {
    const job = await run(1, "prepare", "--detach", lab.dataset(3))
    expect(await run(2, "jobs", "list")).to.match(new RegExp(`^${job}\\trunning\\t.*\\tlogin1\\t[^\\t]*$`))
    for (const printed of await Promise.all([run(2, "jobs", "attach", job), run(1, "jobs", "attach", job)])) {
      expect(await lab.isRight(printed)).to.equal(true)
    }
    const long = await run(1, "prepare", "--detach", lab.dataset(30))
    const pid = await lab.holder(long)
    expect(await run(2, "jobs", "cancel", long)).to.equal(`${long}\tcancelled`)
    await until(() => !isAlive(pid))
  })

  it("show each other's progress, and resume each other's lost jobs", async () => {
    const job = await run(1, "prepare", "--detach", lab.dataset(8))
    const second = on(2, "prepare", lab.dataset(8))
    await second.said(new RegExp(`job ${job} prepares it`))
    second.child.kill("SIGINT")
    expect(await second.ended).to.equal(130)
    expect(await run(2, "jobs", "list")).to.contain(`${job}\trunning`)
    await lab.signalHolder(job, "SIGKILL")
    // From here only the heartbeats can tell: as if they had been silent for a while.
    const old = Date.now() / 1000 - 50
    for (const name of await readdir(lab.data, { recursive: true })) {
      if (/lease|lock/.test(name)) await utimes(join(lab.data, name), old, old)
    }
    expect(await run(2, "jobs", "list")).to.contain(`${job}\tlost`)
    const attached = on(2, "jobs", "attach", job)
    await attached.said(/resuming it/)
    await attached.said(/part0: downloading/)
    expect(await run(1, "jobs", "list")).to.match(new RegExp(`${job}\\trunning\\t.*\\tlogin2\\t`))
    expect(await attached.ended, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
  })

  it("know that a job's machine was restarted once its heartbeat is old", async () => {
    const job = await run(1, "prepare", "--detach", lab.dataset(8))
    await lab.signalHolder(job, "SIGKILL")
    const lease = join(lab.data, "jobs", job, "lease")
    const holder = JSON.parse(await readFile(lease, "utf8")) as { boot: string }
    // By the new start's count that process id may be anybody's.
    await writeFile(lease, JSON.stringify({ ...holder, boot: "before", pid: process.pid }))
    expect(await run(1, "jobs", "list")).to.contain(`${job}\trunning`)
    const old = Date.now() / 1000 - 50
    await utimes(lease, old, old)
    expect(await run(1, "jobs", "list")).to.contain(`${job}\tlost`)
    expect(await lab.isRight(await run(1, "jobs", "attach", job))).to.equal(true)
  })
})
