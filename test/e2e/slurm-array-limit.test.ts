import { expect } from "chai"
import { startSlurmLab, type SlurmLab } from "../helpers/slurm-lab.ts"
import { skipWithoutSlurm, startSlurm, type Slurm } from "../helpers/slurm.ts"

describe("more datasets than Slurm takes in one array", function () {
  this.timeout(120_000)
  let slurm: Slurm
  let lab: SlurmLab
  before(async function () {
    skipWithoutSlurm(this)
    slurm = await startSlurm({ lines: ["MaxArraySize=3"] })
  })
  after(() => slurm?.stop())
  beforeEach(async () => (lab = await startSlurmLab(slurm)))
  afterEach(() => lab.close())

  const seconds = [0.2, 1, 3, 8, 30, 120]
  const submitted = async (): Promise<Map<string, number>> => {
    const arrays = new Map<string, number>()
    for (const { slurm: number = "" } of await lab.list()) {
      const [array = ""] = number.split("_")
      arrays.set(array, (arrays.get(array) ?? 0) + 1)
    }
    return arrays
  }

  it("are several arrays, each job found by its own number", async () => {
    await lab.settings({ launcher: "slurm", slurm: { options: ["--hold"] } })
    const ids = seconds.map((each) => lab.dataset(each))
    const detached = await lab.run("prepare", "--detach", ...ids)
    expect(detached.status, detached.stderr).to.equal(0)
    expect([...(await submitted()).values()]).to.deep.equal([3, 3])
    expect((await lab.list()).map(({ state }) => state)).to.deep.equal(ids.map(() => "queued"))
    for (const job of detached.stdout.trimEnd().split("\n")) await lab.run("jobs", "cancel", job)
    await slurm.empty()
  })

  it("run no more at once than the width says, over all of them", async () => {
    await lab.settings({ launcher: "slurm", slurm: { width: 1 } })
    const ids = [8, 3, 1, 0.2].map((each) => lab.dataset(each))
    let most = 0
    const watching = setInterval(() => {
      void slurm.queue().then((lines) => {
        most = Math.max(most, lines.filter((line) => line.includes(" RUNNING ")).length)
      })
    }, 100)
    const command = lab.start("prepare", ...ids)
    const status = await command.ended
    clearInterval(watching)
    expect(status, command.stderr).to.equal(0)
    const values = JSON.parse(command.stdout) as unknown[]
    for (const value of values) expect(await lab.isRight(JSON.stringify(value))).to.equal(true)
    expect(command.stderr).to.match(/queued as Slurm job \d+(_\d+)? \(Dependency\)/)
    expect([...(await submitted()).values()].sort()).to.deep.equal([1, 3])
    expect(most).to.equal(1)
  })
})
