import { expect } from "chai"
import { setTimeout as sleep } from "node:timers/promises"
import { existsSync } from "node:fs"
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { isAlive, until } from "../helpers/job-lab.ts"
import { compileStopper } from "../helpers/stopped-process.ts"
import { startSlurmLab, type SlurmLab } from "../helpers/slurm-lab.ts"
import { skipWithoutSlurm, slurmTime, startSlurm, type Slurm, type SlurmConfiguration } from "../helpers/slurm.ts"

const CGROUPS = "/sys/fs/cgroup"
const MEMORY = ["SelectTypeParameters=CR_Core_Memory", "JobAcctGatherFrequency=1"]

describe("jobs that Slurm ends", function () {
  this.timeout(120_000)
  let slurm: Slurm
  let lab: SlurmLab
  before(function () {
    skipWithoutSlurm(this)
  })
  let groups: readonly string[] = []
  beforeEach(async () => (groups = await controlGroups()))
  afterEach(async () => {
    await lab?.close()
    await slurm?.stop()
    for (const made of await controlGroups()) if (!groups.includes(made)) await rmdir(made).catch(() => {})
  })
  const start = async (configuration: SlurmConfiguration, settings: object): Promise<void> => {
    slurm = await startSlurm(configuration)
    lab = await startSlurmLab(slurm)
    await lab.settings({ launcher: "slurm", slurm: settings })
  }
  const holderOf = async (seconds: number): Promise<{ job: string; pid: number; slurm: string }> => {
    const found = (await lab.list()).find(({ dataset }) => dataset === lab.dataset(seconds))
    return { job: found?.id ?? "", pid: await lab.holder(found?.id ?? ""), slurm: found?.slurm ?? "" }
  }

  it("for their time limit say so, whether they heed its warning or are killed; their parts are kept", async function () {
    await start({}, { time: "1" })
    const stop = compileStopper(lab.folder)
    if (stop === undefined && process.env["CI"] !== undefined) throw new Error("there is no C compiler")
    if (stop === undefined) return this.skip()
    const heeding = lab.start("prepare", lab.dataset(120))
    const deaf = lab.start("prepare", lab.dataset(30))
    for (const command of [heeding, deaf]) await command.said(/part0: downloading/)
    // What comes is written twice a second.
    await sleep(2000)
    const { pid, slurm: number } = await holderOf(30)
    // The limit's own SIGTERM comes with a SIGCONT.
    await stop(pid)
    // Slurm looks at time limits every half minute.
    await slurm.run("scontrol", "update", `JobId=${number}`, `EndTime=${slurmTime(Date.now() + 1000)}`)
    expect(await deaf.ended, deaf.stderr).to.equal(9)
    expect(await heeding.ended, heeding.stderr).to.equal(9)
    expect(deaf.stderr).to.match(/in its Slurm allocation: its time limit \(1:00\) was reached on /)
    expect(heeding.stderr).to.match(/in its Slurm allocation: its time limit was \d+ s away/)
    expect(lab.isLocked(120)).to.equal(false)
    expect((await lab.list()).map(({ state }) => state)).to.deep.equal(["lost", "lost"])
    const { job } = await holderOf(30)
    const attached = lab.start("jobs", "attach", job)
    await attached.said(/its time limit \(1:00\) was reached on .*; submitting it again/)
    await until(() => lab.origin.requestsOf("/30/0").length === 2)
    expect(lab.origin.requestsOf("/30/0")[1]?.headers["range"]).to.match(/^bytes=\d{4,}-/)
    expect((await lab.run("jobs", "cancel", job)).status).to.equal(0)
  })

  const preempting = (mode: string): SlurmConfiguration => ({
    lines: ["PreemptType=preempt/partition_prio", `PreemptMode=${mode}`],
    partitions: [
      `PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=${mode}`,
      "PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF",
    ],
  })
  const urgent = (...wrap: string[]): Promise<string> =>
    slurm.run("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap", wrap.join(" "))

  it("for others that are more urgent are requeued, and continue with what they had", async () => {
    await start(preempting("REQUEUE"), { partition: "low" })
    const command = lab.start("prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    const { job, pid, slurm: number } = await holderOf(8)
    await until(async () => Number((await lab.run("cache", "list")).stdout.split("\t")[0]) > 30_000)
    await urgent("sleep", "1")
    await command.said(/queued as Slurm job \d+ \((?!None)/)
    await until(() => !isAlive(pid))
    await slurm.startAgain(number)
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect((await lab.run("jobs", "logs", job)).stdout).to.match(/requeued by Slurm: start 2/)
    expect(lab.origin.requestsOf("/8/0").at(-1)?.headers["range"]).to.match(/^bytes=\d{5,}-/)
  })

  it("for others that are more urgent say so where Slurm does not requeue them", async () => {
    await start(preempting("CANCEL"), { partition: "low" })
    const command = lab.start("prepare", lab.dataset(30))
    await command.said(/part0: downloading/)
    await urgent("sleep", "1")
    expect(await command.ended).to.equal(9)
    expect(command.stderr).to.match(/in its Slurm allocation: it was preempted on /)
    expect(lab.isLocked(30)).to.equal(false)
  })

  it("for the memory that they use say so where a process of Slurm's looks at it", async () => {
    const lines = [...MEMORY, "JobAcctGatherType=jobacct_gather/linux", "JobAcctGatherParams=OverMemoryKill"]
    await start({ lines }, { memory: "40M" })
    const command = await lab.run("prepare", lab.dataset(30))
    expect(command.status).to.equal(9)
    expect(command.stderr).to.match(/in its Slurm allocation: it ran out of memory on /)
  })

  it("for the memory that they use say so where the kernel kills them", async function () {
    if (!existsSync(join(CGROUPS, "memory/release_agent"))) this.skip()
    const lines = [...MEMORY, "ProctrackType=proctrack/cgroup", "TaskPlugin=task/cgroup"]
    const cgroups = ["CgroupPlugin=cgroup/v1", "ConstrainRAMSpace=yes", "ConstrainSwapSpace=yes", "AllowedSwapSpace=0"]
    await start({ lines, cgroups }, { memory: "40M" })
    // The agent alone may do with less.
    const greedy = join(lab.folder, "greedy.cjs")
    await writeFile(greedy, "if (process.env.SLURM_JOB_ID) setTimeout(() => Buffer.alloc(2 ** 26, 1), 1000)\n")
    lab.env["NODE_OPTIONS"] = `--require ${greedy}`
    const command = await lab.run("prepare", lab.dataset(30))
    expect(command.status, command.stderr).to.equal(9)
    expect(command.stderr).to.match(/in its Slurm allocation: it ran out of memory on /)
    const [{ slurm: number = "", detail = "" } = {}] = await lab.list()
    expect(detail).to.match(/out of memory/)
    expect(await slurm.run("squeue", "--noheader", "--states=all", `--jobs=${number}`, "--format=%T")).to.equal(
      "OUT_OF_MEMORY\n",
    )
  })

  it("because the node lacks what they need say what was printed there", async () => {
    await start({}, { options: ["--hold"] })
    const command = lab.start("prepare", lab.dataset(0.2))
    await command.said(/queued as Slurm job/)
    const [job = ""] = await lab.jobs()
    const [number = ""] = (await slurm.queue())[0]?.split(" ") ?? []
    // The login node's Node is not there.
    const script = join(lab.folder, "elsewhere.sh")
    await writeFile(script, `#!/bin/sh\nexec /nowhere/node agent.cjs job ${job}\n`)
    const folder = join(lab.data, "jobs", job)
    const printed = await slurm.run("sbatch", "--parsable", `--output=${join(folder, "slurm.out")}`, script)
    const submission = join(folder, "slurm.json")
    const written = await readFile(submission, "utf8")
    await writeFile(submission, written.replace(`"slurm": "${number}"`, `"slurm": "${printed.trim()}"`))
    await slurm.run("scancel", number)
    expect(await command.ended).to.equal(9)
    expect(command.stderr).to.match(/without a result on \S+ \(FAILED\): .*\/nowhere\/node: not found/)
  })
})

/** Those of Slurm, deepest first. */
async function controlGroups(): Promise<string[]> {
  const found: string[] = []
  for (const controller of await readdir(CGROUPS).catch((): string[] => [])) {
    const folder = join(CGROUPS, controller)
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && entry.name.startsWith("slurm")) found.push(join(folder, entry.name))
    }
  }
  return found
}
