import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { isAlive, until } from "../helpers/job-lab.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { startSlurmLab, type SlurmLab } from "../helpers/slurm-lab.ts"
import { skipWithoutSlurm, startSlurm, type Slurm } from "../helpers/slurm.ts"

const ARCHIVES = 8
const SIZE = 600_000
const ID = "org.example.shards"

describe("a dataset with many archives in Slurm", function () {
  this.timeout(90_000)
  let slurm: Slurm
  let lab: SlurmLab
  let contents: string[]
  before(async function () {
    skipWithoutSlurm(this)
    slurm = await startSlurm()
  })
  after(() => slurm?.stop())
  beforeEach(async () => {
    lab = await startSlurmLab(slurm)
    await lab.settings({ launcher: "slurm", slurm: { width: 3 } })
    contents = Array.from({ length: ARCHIVES }, () => randomBytes(SIZE / 2).toString("hex"))
    await serve(2)
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "shards",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, tar, folder } from "@datamaestro/dataset"
          const names = Array.from({ length: ${ARCHIVES} }, (_, index) => "part" + index)
          const shards = () => defineDataset({
            id: "${ID}",
            resources: Object.fromEntries(names.map((name, index) => [name, tar("${lab.origin.url}/" + index + ".tar")])),
            describe: (parts) => ({ parts: names.map((name) => folder(parts[name])) }),
          })
          export class MyRepository extends Repository {
            static NAMESPACE = "shards"
            static DESCRIPTION = "In many archives"
            static datasets = { "${ID}": shards }
          }`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] = plugin
  })
  afterEach(() => lab.close())

  /** @param seconds that each archive takes */
  const serve = async (seconds: number): Promise<void> => {
    for (const [index, content] of contents.entries()) {
      const folder = join(lab.folder, `tree${index}`)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, "content.txt"), content)
      await writeFile(join(folder, "index.txt"), `${index}`)
      const body = execFileSync("tar", ["-C", folder, "-c", "."])
      lab.origin.route(`/${index}.tar`, { body, throttle: Math.ceil(body.length / seconds) })
    }
  }
  const isRight = async (printed: string): Promise<boolean> => {
    const { parts } = JSON.parse(printed) as { parts: { path: string }[] }
    for (const [index, { path }] of parts.entries()) {
      if ((await readFile(join(path, "content.txt"), "utf8")) !== contents[index]) return false
      if ((await readFile(join(path, "index.txt"), "utf8")) !== `${index}`) return false
    }
    return parts.length === ARCHIVES
  }
  const datasetFolder = (): string => join(lab.data, "data/shards/org/example/shards")
  const expectTidy = async (): Promise<void> => {
    expect(existsSync(join(datasetFolder(), ".downloads"))).to.equal(false)
    expect((await readdir(datasetFolder())).filter((name) => name.includes("lease"))).to.deep.equal([])
    const state = JSON.parse(await readFile(join(datasetFolder(), ".state.json"), "utf8")) as {
      resources: Record<string, { state: string }>
    }
    expect(Object.values(state.resources).filter((each) => each.state === "complete")).to.have.length(ARCHIVES)
  }
  const helpersAtWork = async (): Promise<boolean> => {
    const [job = ""] = await lab.jobs()
    for (const helper of [1, 2]) {
      const text = await readFile(join(lab.data, "jobs", job, `journal-${helper}.jsonl`), "utf8").catch(() => "")
      if (!text.includes('"download"')) return false
    }
    return true
  }

  it("is made by as many tasks of one array as its width, each archive once", async () => {
    const command = lab.start("prepare", ID)
    await until(helpersAtWork)
    expect(new Set((await slurm.queue()).map((line) => line.split("_")[0])).size).to.equal(1)
    expect(await slurm.queue()).to.have.length(3)
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await isRight(command.stdout)).to.equal(true)
    for (let index = 0; index < ARCHIVES; index++) {
      expect(lab.origin.requestsOf(`/${index}.tar`), `part${index}`).to.have.length(1)
      expect(command.stderr).to.match(new RegExp(`part${index}: downloading`))
    }
    await slurm.empty()
    await expectTidy()
    expect(await lab.list()).to.have.length(1)
    const verified = await lab.run("verify", ID)
    expect(verified.status, verified.stderr).to.equal(0)
  })

  it("is finished also when those who help are killed", async () => {
    const command = lab.start("prepare", ID)
    await until(helpersAtWork)
    for (const line of await slurm.queue()) {
      const id = line.split(" ")[0] ?? ""
      if (!id.endsWith("_0")) await slurm.run("scancel", "--signal=KILL", "--batch", id)
    }
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await isRight(command.stdout)).to.equal(true)
    await slurm.empty()
    await expectTidy()
  })

  it("is cancelled with those who help: no process, no lock; then it goes on with what is there", async () => {
    const command = lab.start("prepare", ID)
    await until(helpersAtWork)
    const [job = ""] = await lab.jobs()
    const pid = await lab.holder(job)
    command.child.kill("SIGINT")
    expect(await command.ended).to.equal(130)
    await slurm.empty()
    expect(isAlive(pid)).to.equal(false)
    const left = await readdir(datasetFolder(), { recursive: true }).catch((): string[] => [])
    expect(left.filter((name) => name.endsWith("lease"))).to.deep.equal([])
    const again = await lab.run("prepare", ID)
    expect(again.status, again.stderr).to.equal(0)
    expect(await isRight(again.stdout)).to.equal(true)
    await slurm.empty()
    await expectTidy()
  })

  it("tells why an archive can't be had, whoever tried it", async () => {
    lab.origin.route("/5.tar", { body: "", fail: { status: 404 } })
    const command = await lab.run("prepare", ID)
    expect(command.status, command.stderr).to.equal(4)
    expect(command.stderr).to.match(/error: .*5\.tar.*404/)
    await slurm.empty()
  })

  it("goes on where it was when the job itself is killed and those who help are not", async () => {
    const command = lab.start("prepare", ID)
    await until(helpersAtWork)
    const [job = ""] = await lab.jobs()
    await lab.signalHolder(job, "SIGKILL")
    expect(await command.ended).to.equal(9)
    const attached = await lab.run("jobs", "attach", job)
    expect(attached.status, attached.stderr).to.equal(0)
    expect(await isRight(attached.stdout)).to.equal(true)
    await slurm.empty()
    await expectTidy()
  })
})
