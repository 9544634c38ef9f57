import { expect } from "chai"
import { until } from "../helpers/job-lab.ts"
import { startSlurmLab, type SlurmLab } from "../helpers/slurm-lab.ts"
import { skipWithoutSlurm, startSlurm, type Slurm } from "../helpers/slurm.ts"

describe("many datasets in Slurm", function () {
  this.timeout(90_000)
  let slurm: Slurm
  let lab: SlurmLab
  before(async function () {
    skipWithoutSlurm(this)
    slurm = await startSlurm()
  })
  after(() => slurm?.stop())
  beforeEach(async () => (lab = await startSlurmLab(slurm)))
  afterEach(() => lab.close())

  const arrayWithWidth = (width: number, more: object = {}): object => ({
    launcher: "slurm",
    slurm: { width, ...more },
  })
  const idsOf = (lines: readonly string[]): string[] => [...new Set(lines.map((line) => line.split(/[_ ]/)[0] ?? ""))]
  const inState = async (state: string): Promise<string[]> =>
    (await slurm.queue()).filter((line) => line.split(" ")[1] === state)

  it("are one array of which so many run at once; results come in argument order", async () => {
    await lab.settings(arrayWithWidth(2))
    const ids = [3, 1, 0.2, 8].map((seconds) => lab.dataset(seconds))
    const command = lab.start("prepare", ...ids)
    let most = 0
    let arrays = new Set<string>()
    const watching = setInterval(() => {
      void slurm.queue().then((lines) => {
        arrays = new Set([...arrays, ...idsOf(lines)])
        most = Math.max(most, lines.filter((line) => line.includes(" RUNNING ")).length)
      })
    }, 100)
    const status = await command.ended
    clearInterval(watching)
    expect(status, command.stderr).to.equal(0)
    const values = JSON.parse(command.stdout) as { id: string }[]
    expect(values.map(({ id }) => id)).to.deep.equal(ids)
    for (const value of values) expect(await lab.isRight(JSON.stringify(value))).to.equal(true)
    expect(arrays.size).to.equal(1)
    expect(most).to.equal(2)
    expect(command.stderr).to.match(/queued as Slurm job \d+_\d+ \(JobArrayTaskLimit\)/)
    const jobs = await lab.list()
    expect(jobs.map(({ state }) => state)).to.deep.equal(["done", "done", "done", "done"])
    expect(jobs.map(({ slurm: number = "" }) => number.split("_")[1]).toSorted()).to.deep.equal(["0", "1", "2", "3"])
  })

  it("leave out what is there, what fails before, and what is asked for twice; the first failure is the exit", async () => {
    await lab.settings({ ...arrayWithWidth(4, { options: ["--hold"] }) })
    expect((await lab.run("--launcher", "none", "prepare", lab.dataset(0.2))).status).to.equal(0)
    const one = lab.dataset(1)
    const command = lab.start("prepare", lab.dataset(0.2), "org.example.nosuch", one, lab.dataset(3), `${one}@lab`)
    await until(async () => (await slurm.queue()).length > 0)
    expect(await slurm.queue()).to.have.length(2)
    const [array = ""] = idsOf(await slurm.queue())
    await command.said(/job \w+ prepares it already/)
    await slurm.run("scontrol", "release", array)
    expect(await command.ended, command.stderr).to.equal(3)
    const values = JSON.parse(command.stdout) as { id: string }[]
    expect(values.map(({ id }) => id)).to.deep.equal([lab.dataset(0.2), one, lab.dataset(3), one])
    expect(values[1]).to.deep.equal(values[3])
    expect(lab.origin.requestsOf("/1/0")).to.have.length(1)
  })

  it("are jobs of their own when detached: attached to, told of and cancelled each by itself", async () => {
    await lab.settings(arrayWithWidth(1))
    const detached = await lab.run("prepare", "--detach", lab.dataset(3), lab.dataset(30), lab.dataset(1))
    expect(detached.status, detached.stderr).to.equal(0)
    const [first = "", second = "", third = "", ...more] = detached.stdout.trimEnd().split("\n")
    expect(more).to.deep.equal([])
    expect(idsOf(await slurm.queue())).to.have.length(1)
    expect(await lab.run("jobs", "cancel", second)).to.include({ status: 0, stdout: `${second}\tcancelled\n` })
    const { slurm: task = "" } = (await lab.list()).find(({ id }) => id === second) ?? {}
    expect(task).to.match(/^\d+_\d+$/)
    // Where this took as long as the first one, it was running.
    await until(async () => !(await slurm.queue()).some((line) => line.startsWith(`${task} `)))
    const attached = await Promise.all([first, third].map((job) => lab.run("jobs", "attach", job)))
    for (const { status, stdout, stderr } of attached) {
      expect(status, stderr).to.equal(0)
      expect(await lab.isRight(stdout)).to.equal(true)
    }
    const jobs = Object.fromEntries((await lab.list()).map(({ id, state }) => [id, state]))
    expect(jobs).to.deep.equal({ [first]: "done", [second]: "cancelled", [third]: "done" })
    for (const job of [first, third]) {
      const { stdout } = await lab.run("jobs", "logs", job)
      expect(stdout)
        .to.match(/submitted from .* as Slurm job \d+_\d\n/)
        .and.match(/part0: downloaded/)
    }
  })

  it("are all cancelled by Ctrl-C, waiting and running", async () => {
    await lab.settings(arrayWithWidth(1))
    const command = lab.start("prepare", lab.dataset(30), lab.dataset(120), lab.dataset(8))
    // Which of them comes first is not said.
    const locked = (): number => [30, 120, 8].filter((seconds) => lab.isLocked(seconds)).length
    await until(async () => (await inState("RUNNING")).length === 1 && locked() === 1)
    command.child.kill("SIGINT")
    expect(await command.ended, command.stderr).to.equal(130)
    await slurm.empty()
    expect((await lab.list()).map(({ state }) => state)).to.deep.equal(["cancelled", "cancelled", "cancelled"])
    for (const seconds of [30, 120, 8]) expect(lab.isLocked(seconds)).to.equal(false)
  })

  it("go on when the connection is lost before all were asked for", async () => {
    await lab.settings(arrayWithWidth(2))
    const command = lab.start("prepare", lab.dataset(3), lab.dataset(1))
    await command.said(/Slurm job/)
    command.child.kill("SIGKILL")
    await command.ended
    const again = await lab.run("prepare", lab.dataset(3), lab.dataset(1))
    expect(again.status, again.stderr).to.equal(0)
    for (const value of JSON.parse(again.stdout) as unknown[]) {
      expect(await lab.isRight(JSON.stringify(value))).to.equal(true)
    }
    expect(lab.origin.requestsOf("/3/0")).to.have.length(1)
    expect(lab.origin.requestsOf("/1/0")).to.have.length(1)
  })

  describe("of which one is asked for again", () => {
    it("joins the one that is queued or runs: one allocation, both results; --detach tells its id", async () => {
      await lab.settings({ launcher: "slurm", slurm: { options: ["--hold"] } })
      const first = (await lab.run("prepare", "--detach", lab.dataset(3))).stdout.trim()
      const second = lab.start("prepare", lab.dataset(3))
      await second.said(new RegExp(`job ${first} prepares it already`))
      await second.said(/queued as Slurm job \d+ \(JobHeldUser\)/)
      expect(await lab.run("prepare", "--detach", lab.dataset(3))).to.include({ status: 0, stdout: `${first}\n` })
      expect(await slurm.queue()).to.have.length(1)
      await slurm.run("scontrol", "release", (await slurm.queue())[0]?.split(" ")[0] ?? "")
      await second.said(/part0: downloading/)
      const third = lab.start("prepare", "--encoder", "xpm", lab.dataset(3))
      await third.said(/part\d: download/)
      expect(await second.ended, second.stderr).to.equal(0)
      expect(await third.ended, third.stderr).to.equal(0)
      expect(await lab.isRight(second.stdout)).to.equal(true)
      expect(third.stdout).to.contain('"$type":"path"')
      expect(await lab.jobs()).to.have.length(1)
      expect(lab.origin.requestsOf("/3/0")).to.have.length(1)
    })

    it("joins also when both are asked for in the same moment", async () => {
      await lab.settings({ launcher: "slurm", slurm: { options: ["--hold"] } })
      const both = await Promise.all([1, 2, 3].map(() => lab.run("prepare", "--detach", lab.dataset(1))))
      expect(new Set(both.map(({ stdout }) => stdout))).to.have.property("size", 1)
      expect(await slurm.queue()).to.have.length(1)
      expect(await lab.jobs()).to.have.length(1)
    })

    it("leaves it alone on Ctrl-C, and does the work itself when that is cancelled", async () => {
      await lab.settings({ launcher: "slurm", slurm: { options: ["--hold"] } })
      const first = (await lab.run("prepare", "--detach", lab.dataset(1))).stdout.trim()
      const second = lab.start("prepare", lab.dataset(1))
      await second.said(/queued as Slurm job/)
      second.child.kill("SIGINT")
      expect(await second.ended).to.equal(130)
      expect((await lab.list())[0]).to.include({ id: first, state: "queued" })
      const third = lab.start("prepare", lab.dataset(1))
      await third.said(/prepares it already/)
      await lab.run("jobs", "cancel", first)
      await until(async () => (await lab.jobs()).length === 2)
      await until(async () => (await slurm.queue()).length === 1)
      await slurm.run("scontrol", "release", (await slurm.queue())[0]?.split(" ")[0] ?? "")
      expect(await third.ended, third.stderr).to.equal(0)
      expect(await lab.isRight(third.stdout)).to.equal(true)
    })

    it("is told the failure of the one that it joined", async () => {
      lab.origin.route("/1/2", { body: "something else" })
      await lab.settings({ launcher: "slurm", slurm: { options: ["--hold"] } })
      await lab.run("prepare", "--detach", lab.dataset(1))
      const second = lab.start("prepare", lab.dataset(1))
      await second.said(/prepares it already/)
      await slurm.run("scontrol", "release", (await slurm.queue())[0]?.split(" ")[0] ?? "")
      expect(await second.ended).to.equal(5)
      expect(second.stderr).to.match(/error: .*part2|error: .*sha256/)
      expect(await lab.jobs()).to.have.length(1)
    })

    it("joins a preparation that runs outside of Slurm, without an allocation", async () => {
      const first = lab.start("prepare", lab.dataset(3))
      await first.said(/part0: downloading/)
      const second = lab.start("--launcher", "slurm", "prepare", lab.dataset(3))
      await second.said(/prepares it already/)
      expect(await slurm.queue()).to.deep.equal([])
      for (const command of [first, second]) {
        expect(await command.ended, command.stderr).to.equal(0)
        expect(await lab.isRight(command.stdout)).to.equal(true)
      }
    })
  })
})
