import { expect } from "chai"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

interface Checked {
  datasets: { id: string; resources: { sources: { ok: boolean; status: number; error?: string }[] }[] }[]
}

describe("checking sources by the command line", () => {
  let sample: SampleRepository
  beforeEach(async () => void (sample = await sampleRepository()))
  afterEach(() => sample.close())

  it("tells of every source whether it is there, and exits 4 for what is gone", async () => {
    const { status, stdout, stderr } = await datamaestro(["check", "sample"], { env: sample.env })
    expect(status, stderr).to.equal(4)
    const { datasets } = JSON.parse(stdout) as Checked
    expect(datasets.map(({ id }) => id)).to.include.members(["org.endless", "org.gone", "org.one"])
    const source = (wanted: string) => datasets.find(({ id }) => id === wanted)?.resources[0]?.sources[0]
    expect(source("org.one")).to.include({ ok: true, status: 200 })
    expect(source("org.gone")).to.include({ ok: false, status: 404 })
  })

  it("writes a file instead, -o before the command still being ssh's", async () => {
    const file = join(sample.folder, "result.json")
    const { stdout } = await datamaestro(["check", "sample", "-o", file], { env: sample.env })
    expect(stdout).to.equal("")
    expect((JSON.parse(await readFile(file, "utf8")) as Checked).datasets).to.have.length(5)
    const { status } = await datamaestro(["-o", "Port=1", "check", "sample"], { env: sample.env })
    expect(status).to.equal(2)
  })

  it("says which repositories there are when it is none", async () => {
    const { status, stderr } = await datamaestro(["check", "nope"], { env: sample.env })
    expect(status).to.equal(3)
    expect(stderr).to.contain("sample")
  })
})
