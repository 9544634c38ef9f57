import { expect } from "chai"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { tarArchive } from "../fixtures/tar-archive.ts"
import { isAlive, until, type RunningCommand } from "../helpers/job-lab.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { startSlurmLab, type SlurmLab } from "../helpers/slurm-lab.ts"
import { skipWithoutSshd, startSshd } from "../helpers/sshd.ts"
import { skipWithoutSlurm, slurmTime, startSlurm, type Slurm } from "../helpers/slurm.ts"

describe("jobs in Slurm", function () {
  this.timeout(60_000)
  let slurm: Slurm
  let lab: SlurmLab
  before(async function () {
    skipWithoutSlurm(this)
    slurm = await startSlurm()
  })
  after(() => slurm?.stop())
  beforeEach(async () => (lab = await startSlurmLab(slurm)))
  afterEach(() => lab.close())

  const running = async (): Promise<string> => {
    let id = ""
    await until(async () => (await slurm.queue()).some((line) => / RUNNING /.test(line)))
    await until(() => lab.isLocked(30) || lab.isLocked(8))
    for (const line of await slurm.queue()) id = line.split(" ")[0] ?? ""
    return id
  }
  const hold = { launcher: "slurm", slurm: { options: ["--hold"] } }

  it("print what they print elsewhere, and say where they wait and run", async () => {
    await lab.settings({ slurm: { partition: "debug", time: "10", memory: "100M", cpus: 2, options: ["--hold"] } })
    const command = lab.start("--launcher", "slurm", "prepare", lab.dataset(0.2))
    await command.said(/queued as Slurm job \d+ \(JobHeldUser\)/)
    const [line = ""] = await slurm.queue()
    const [id = ""] = line.split(" ")
    const asked = await slurm.run("scontrol", "show", "job", id)
    for (const word of ["TimeLimit=00:10:00", "Partition=debug", "CPUs/Task=2", "MinMemoryNode=100M", "Requeue=1"]) {
      expect(asked).to.contain(word)
    }
    const [job = ""] = await lab.jobs()
    expect((await lab.run("jobs", "list")).stdout).to.match(
      new RegExp(`^${job}\\tqueued\\torg\\.example\\.takes0p2\\tqueued as Slurm job ${id} \\(JobHeldUser\\)\\t`),
    )
    await slurm.run("scontrol", "release", id)
    await command.said(new RegExp(`running on ${slurm.node} \\(Slurm job ${id}\\)`))
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect((await lab.run("prepare", lab.dataset(0.2))).stdout).to.equal(command.stdout)
    // What is there already needs no allocation, and no job.
    const again = await lab.run("--launcher", "slurm", "prepare", lab.dataset(0.2))
    expect(again.stdout).to.equal(command.stdout)
    expect(await lab.jobs()).to.have.length(1)
    const { stdout: log } = await lab.run("jobs", "logs", job)
    expect(log).to.match(/submitted from .* as Slurm job/)
    expect(log).to.contain(`running on ${slurm.node} in Slurm job ${id}`)
  })

  it("are detached, listed, followed by several, told of, and cancelled while they run", async () => {
    const detached = await lab.run("--launcher", "slurm", "prepare", "--detach", lab.dataset(3))
    expect(detached.status, detached.stderr).to.equal(0)
    const job = detached.stdout.trim()
    const attached = await Promise.all([lab.run("jobs", "attach", job), lab.run("jobs", "attach", job)])
    for (const { status, stdout, stderr } of attached) {
      expect(status, stderr).to.equal(0)
      expect(await lab.isRight(stdout)).to.equal(true)
    }
    expect((await lab.list())[0]).to.include({ state: "done", host: slurm.node })
    const long = (await lab.run("--launcher", "slurm", "prepare", "--detach", lab.dataset(30))).stdout.trim()
    await running()
    const pid = await lab.holder(long)
    expect(await lab.run("jobs", "cancel", long)).to.include({ status: 0, stdout: `${long}\tcancelled\n` })
    await until(() => !isAlive(pid))
    expect(lab.isLocked(30)).to.equal(false)
    await slurm.empty()
    expect((await lab.run("jobs", "attach", long)).status).to.equal(130)
  })

  it("of what is prepared already have a result by their id, and no allocation", async () => {
    const dataset = lab.dataset(0.2)
    await lab.run("prepare", dataset)
    const detached = await lab.run("--launcher", "slurm", "prepare", "--detach", dataset)
    expect(detached.status, detached.stderr).to.equal(0)
    const attached = await lab.run("jobs", "attach", detached.stdout.trim())
    expect(attached.status, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
    expect((await lab.list()).filter(({ slurm: number }) => number !== undefined)).to.deep.equal([])
  })

  it("are cancelled while they wait, by command and by Ctrl-C", async () => {
    await lab.settings(hold)
    const job = (await lab.run("prepare", "--detach", lab.dataset(30))).stdout.trim()
    expect((await lab.list())[0]).to.include({ id: job, state: "queued" })
    expect(await lab.run("jobs", "cancel", job)).to.include({ status: 0, stdout: `${job}\tcancelled\n` })
    expect(await slurm.queue()).to.deep.equal([])
    const command = lab.start("prepare", lab.dataset(30))
    await command.said(/queued as Slurm job/)
    command.child.kill("SIGINT")
    expect(await command.ended, command.stderr).to.equal(130)
    expect(await slurm.queue()).to.deep.equal([])
    expect((await lab.list()).map(({ state }) => state)).to.deep.equal(["cancelled", "cancelled"])
  })

  it("are cancelled by Ctrl-C while a slow sbatch submits them", async () => {
    await lab.settings(hold)
    const programs = join(lab.folder, "programs")
    await mkdir(programs)
    const submitted = join(lab.folder, "submitted")
    const script = `#!/bin/sh\nsleep 3\nPATH=$(echo "$PATH" | sed s,${programs}:,,)\nsbatch "$@"\n: > ${submitted}\n`
    await writeFile(join(programs, "sbatch"), script, { mode: 0o755 })
    lab.env["PATH"] = `${programs}:${lab.env["PATH"] ?? process.env["PATH"]}`
    const command = lab.start("prepare", lab.dataset(0.2))
    await until(async () => (await lab.jobs()).length > 0)
    await sleep(500)
    command.child.kill("SIGINT")
    expect(await command.ended, command.stderr).to.equal(130)
    // Where it was not ended with whoever ran it, it is cancelled once it has submitted.
    for (let waited = 0; waited < 5000 && !existsSync(submitted); waited += 100) await sleep(100)
    await until(async () => (await slurm.queue()).length === 0)
    expect((await lab.list()).map(({ state }) => state)).to.deep.equal(["cancelled"])
  })

  for (const [how, script] of [
    ["fails", "echo 'Unable to contact slurm controller (connect failure)' >&2; exit 1"],
    ["hangs", "exec sleep 30"],
  ] as const) {
    it(`say what becomes of them when Slurm's program to cancel them ${how}, and end as soon as they begin`, async () => {
      await lab.settings(hold)
      const programs = join(lab.folder, "programs")
      await mkdir(programs)
      await writeFile(join(programs, "scancel"), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      lab.env["PATH"] = `${programs}:${lab.env["PATH"] ?? process.env["PATH"]}`
      const command = lab.start("prepare", lab.dataset(30))
      await command.said(/queued as Slurm job/)
      const [job = ""] = await lab.jobs()
      command.child.kill("SIGINT")
      expect(await command.ended, command.stderr).to.equal(130)
      expect(command.stderr).to.match(/job \w+ is still in Slurm \(.*\): it ends as soon as it begins there/)
      if (how === "fails") expect((await lab.run("jobs", "cancel", job)).stderr).to.contain("try again later")
      const [{ slurm: number = "" } = {}] = await lab.list()
      await slurm.run("scontrol", "release", number)
      await until(async () => (await lab.list())[0]?.state === "cancelled")
    })
  }

  it("are cancelled by Ctrl-C while they run", async () => {
    const command = lab.start("--launcher", "slurm", "prepare", lab.dataset(30))
    await command.said(/part0: downloading/)
    const [job = ""] = await lab.jobs()
    const pid = await lab.holder(job)
    command.child.kill("SIGINT")
    expect(await command.ended).to.equal(130)
    await until(() => !isAlive(pid))
    expect(lab.isLocked(30)).to.equal(false)
    await slurm.empty()
    expect((await lab.list())[0]).to.include({ state: "cancelled" })
  })

  for (const [when, settings] of [
    ["wait", hold],
    ["run", { launcher: "slurm" }],
  ] as const) {
    it(`end with --on-disconnect cancel when the controller is killed while they ${when}`, async () => {
      await lab.settings(settings)
      const command = lab.start("--on-disconnect", "cancel", "prepare", lab.dataset(30))
      await command.said(when === "wait" ? /queued as Slurm job/ : /part0: downloading/)
      command.child.kill("SIGKILL")
      await slurm.empty()
      // Slurm has nothing of it any more a moment before that is written down.
      await until(async () => (await lab.list())[0]?.state === "cancelled")
      expect(lab.isLocked(30)).to.equal(false)
    })
  }

  it("go on when the controller is killed, waiting or running", async () => {
    const command = lab.start("--launcher", "slurm", "prepare", lab.dataset(3))
    // Which of the two is said first depends on how soon it starts.
    await command.said(/(queued as|starting|running on) .*Slurm job|queued as Slurm job/)
    command.child.kill("SIGKILL")
    await command.ended
    const [job = ""] = await lab.jobs()
    const attached = await lab.run("jobs", "attach", job)
    expect(attached.status, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
  })

  it("that Slurm refuses, or that have no Slurm, end the command with exit 8 and the next step", async () => {
    await lab.settings({ launcher: "slurm", slurm: { partition: "nosuch" } })
    for (const detach of [[], ["--detach"]]) {
      const refused = await lab.run("prepare", ...detach, lab.dataset(0.2))
      expect(refused.status, refused.stderr).to.equal(8)
      expect(refused.stderr)
        .to.contain("invalid partition specified: nosuch")
        .and.match(/user\.json/)
    }
    expect((await lab.run("--launcher", "none", "prepare", lab.dataset(0.2))).status).to.equal(0)
    lab.env["PATH"] = "/nowhere"
    const missing = await lab.run("prepare", lab.dataset(1))
    expect(missing.status).to.equal(8)
    expect(missing.stderr).to.match(/sbatch: it is not on the PATH/)
  })

  it("that are requeued continue with what they had", async () => {
    const command = lab.start("--launcher", "slurm", "prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    const id = await running()
    await until(async () => {
      const { stdout } = await lab.run("cache", "list")
      return stdout.split("\n").some((line) => Number(line.split("\t")[0]) > 30_000)
    })
    const [first = ""] = await lab.jobs()
    const pid = await lab.holder(first)
    await slurm.run("scontrol", "requeue", id)
    await command.said(/queued as Slurm job \d+ \(BeginTime\)|completing on/)
    await until(async () => (await slurm.queue()).some((line) => / PENDING /.test(line)))
    // Slurm itself waits two minutes: a second start beside what is left of the first would fail.
    await until(() => !isAlive(pid) && !slurm.hasStep(id))
    await slurm.startAgain(id)
    const status = await command.ended
    const [job = ""] = await lab.jobs()
    const told = await readFile(join(lab.data, "jobs", job, "slurm.out"), "utf8")
    expect(status, `${command.stderr}\n${told}\n${(await lab.run("jobs", "logs", job)).stdout}`).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect((await lab.run("jobs", "logs", job)).stdout).to.match(/requeued by Slurm: start 2/)
    expect(lab.origin.requestsOf("/8/0").at(-1)?.headers["range"]).to.match(/^bytes=\d{5,}-/)
  })

  it("whose node fails are requeued", async () => {
    const command = lab.start("--launcher", "slurm", "prepare", lab.dataset(3))
    await command.said(/part0: downloading/)
    const [line = ""] = await slurm.queue()
    const id = line.split(" ")[0] ?? ""
    const [first = ""] = await lab.jobs()
    const pid = await lab.holder(first)
    await slurm.run("scontrol", "update", `NodeName=${slurm.node}`, "State=down", "Reason=test")
    try {
      await command.said(/queued as Slurm job \d+ \((?!None)/)
      // As above: nothing of the first start may be left.
      await until(() => !isAlive(pid) && !slurm.hasStep(id))
    } finally {
      // By itself, if it has registered again meanwhile.
      await slurm.run("scontrol", "update", `NodeName=${slurm.node}`, "State=resume").catch(() => "")
    }
    await slurm.startAgain(id)
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
  })

  it("stop before their time is over, and go on in a new allocation", async () => {
    await lab.settings({ launcher: "slurm", slurm: { time: "10" } })
    const command = lab.start("prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    const id = await running()
    // Only this allocation's: with one minute for each, Slurm, which looks every half minute, warns the next one too.
    await slurm.run("scontrol", "update", `JobId=${id}`, `EndTime=${slurmTime(Date.now() + 50_000)}`)
    // As Slurm does a minute before.
    await slurm.run("scancel", "--batch", "--signal=TERM", id)
    expect(await command.ended).to.equal(9)
    expect(command.stderr).to.match(/Cannot finish job \w+ in its Slurm allocation: its time limit was \d+ s away/)
    expect(lab.isLocked(8)).to.equal(false)
    const [job = ""] = await lab.jobs()
    await slurm.empty()
    expect((await lab.list())[0])
      .to.include({ state: "lost", slurm: id })
      .and.property("detail")
      .match(/time limit/)
    expect((await lab.run("jobs", "logs", job)).stdout).to.match(/stopped: its time limit/)
    const attached = await lab.run("jobs", "attach", job)
    expect(attached.status, attached.stderr).to.equal(0)
    expect(attached.stderr).to.match(/submitting it again/)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
    expect((await lab.list())[0]?.slurm).not.to.equal(id)
  })

  it("whose process is killed, or that Slurm is told to cancel, say so", async () => {
    const killed = lab.start("--launcher", "slurm", "prepare", lab.dataset(30))
    await killed.said(/part0: downloading/)
    const [job = ""] = await lab.jobs()
    await lab.signalHolder(job, "SIGKILL")
    expect(await killed.ended).to.equal(9)
    expect(killed.stderr).to.match(/its process ended without a result/)
    const attached = lab.start("jobs", "attach", job)
    await attached.said(/running on/)
    await slurm.run("scancel", (await slurm.queue())[0]?.split(" ")[0] ?? "")
    expect(await attached.ended).to.equal(9)
    expect(attached.stderr).to.match(/it was cancelled in Slurm/)
    expect((await lab.run("jobs", "logs", job)).stdout).to.match(/Slurm job \d+ ended: it was cancelled in Slurm/)
    expect((await lab.run("jobs", "cancel", job)).stdout).to.equal(`${job}\tcancelled\n`)
  })

  it("run from a login node over SSH, whose shell prints what it likes", async function () {
    skipWithoutSshd(this)
    const sshd = await startSshd({ environment: { HOME: lab.home, ...slurm.env } })
    try {
      await lab.settings({ hosts: { cluster: { launcher: "slurm", data: lab.data, slurm: { options: ["--hold"] } } } })
      await writeFile(join(lab.home, ".bash_profile"), "echo noise; export FROM_LOGIN=yes\n")
      const remote = (...args: string[]): RunningCommand =>
        lab.start("-F", sshd.configFile, "--host", "cluster", ...args)
      const command = remote("prepare", lab.dataset(1))
      await command.said(/queued as Slurm job \d+ \(JobHeldUser\)/)
      await sshd.killConnections()
      await command.said(/Connected to "cluster" again/)
      await slurm.run("scontrol", "release", (await slurm.queue())[0]?.split(" ")[0] ?? "")
      expect(await command.ended, command.stderr).to.equal(0)
      expect(await lab.isRight(command.stdout)).to.equal(true)
      expect(await lab.jobs()).to.have.length(1)
      const info = remote("info", lab.dataset(1))
      expect(await info.ended, info.stderr).to.equal(0)
      expect(await slurm.queue()).to.deep.equal([])
    } finally {
      await sshd.stop()
    }
  })

  it("find on the compute node what the login node has fetched", async () => {
    await lab.settings({ launcher: "slurm", slurm: { fetch: "login", extract: "slurm", options: ["--hold"] } })
    const command = lab.start("prepare", lab.dataset(1))
    await command.said(/part0: downloading/)
    await command.said(/queued as Slurm job/)
    expect(lab.origin.requests).to.have.length(3)
    // No way out from now on.
    await lab.origin.close()
    await slurm.run("scontrol", "release", (await slurm.queue())[0]?.split(" ")[0] ?? "")
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect(command.stderr).to.match(/part1: taken from the cache/)
    expect((await lab.run("cache", "list")).stdout).to.equal("")
  })

  it("leave what another dataset has of the same download to that, which may not be able to fetch it", async () => {
    const body = gzipSync(tarArchive([{ name: "a.txt", content: "a" }]))
    lab.origin.route("/shared.tar.gz", { body })
    const definition = (id: string): string => `"${id}": () => defineDataset({ id: "${id}",
      resources: { all: tar("${lab.origin.url}/shared.tar.gz") }, describe: ({ all }) => folder(all) })`
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "sharing",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, folder, tar } from "@datamaestro/dataset"
          export class MyRepository extends Repository {
            static NAMESPACE = "sharing"
            static DESCRIPTION = "One download, two datasets"
            static datasets = { ${definition("org.first")}, ${definition("org.second")} }
          }`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] = plugin
    await lab.settings({ launcher: "slurm", slurm: { fetch: "login", width: 1 } })
    const { status, stderr } = await lab.run("prepare", "org.first", "org.second")
    expect(status, stderr).to.equal(0)
    expect(lab.origin.requestsOf("/shared.tar.gz")).to.have.length(1)
    expect((await lab.run("cache", "list")).stdout).to.equal("")
  })

  it("find there what the login node has fetched through the controller", async function () {
    skipWithoutSshd(this)
    // Its way out leads nowhere; the compute node has the same one.
    const proxy = "http://127.0.0.1:1"
    const sshd = await startSshd({
      environment: { HOME: lab.home, ...slurm.env, http_proxy: proxy, HTTP_PROXY: proxy },
    })
    const remote = (...args: string[]): RunningCommand => lab.start("-F", sshd.configFile, "--host", "cluster", ...args)
    const host = { launcher: "slurm", data: lab.data, slurm: { fetch: "login" } }
    try {
      await lab.settings({ hosts: { cluster: host } })
      const command = remote("--relay", "prepare", lab.dataset(1), lab.dataset(0.2))
      expect(await command.ended, command.stderr).to.equal(0)
      for (const value of JSON.parse(command.stdout) as unknown[]) {
        expect(await lab.isRight(JSON.stringify(value))).to.equal(true)
      }
      expect(command.stderr).to.match(/part1: taken from the cache/)
      await lab.settings({ hosts: { cluster: { ...host, slurm: {} } } })
      const refused = remote("--relay", "prepare", lab.dataset(3))
      expect(await refused.ended).to.equal(2)
      expect(refused.stderr).to.match(/"fetch": "login"/)
    } finally {
      await sshd.stop()
    }
  })

  it("have scripts that any folder's name passes through", async () => {
    const folder = join(lab.folder, "it's $HOME; `odd` %j")
    await mkdir(folder)
    const command = lab.start("--launcher", "slurm", "--data", folder, "prepare", lab.dataset(0.2))
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect(command.stdout).to.contain(JSON.stringify(folder).slice(1, -1))
  })
})
