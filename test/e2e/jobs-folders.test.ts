import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { cp, mkdir, readFile, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { startJobLab, type JobLab } from "../helpers/job-lab.ts"

const FUTURE = "2099-01-01T00:00:00.000Z"

describe("a job's folder in which somebody has", function () {
  this.timeout(60_000)
  let lab: JobLab
  let jobs: string
  beforeEach(async () => {
    lab = await startJobLab()
    jobs = join(lab.data, "jobs")
  })
  afterEach(() => lab.close())

  const run = async (...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> => {
    const command = lab.start(...args)
    const status = await command.ended
    return { status, stdout: command.stdout, stderr: command.stderr }
  }
  const list = async (): Promise<{ id: string; state: string; detail?: string; since?: number }[]> =>
    JSON.parse((await run("--json", "jobs", "list")).stdout) as { id: string; state: string }[]
  /** A job without a result, changed. */
  const changed = async (id: string, change: (folder: string) => Promise<unknown>): Promise<void> => {
    const [first = ""] = await lab.jobs()
    const folder = join(jobs, id)
    await cp(join(jobs, first), folder, { recursive: true })
    await rm(join(folder, "result.json"), { force: true })
    await change(folder)
  }
  const replace = async (folder: string, name: string, put: (path: string) => unknown): Promise<void> => {
    await rm(join(folder, name), { force: true })
    await put(join(folder, name))
  }

  it("put something else than a file is told as such, and holds up no other", async () => {
    const first = (await run("prepare", "--detach", lab.dataset(0.2))).stdout.trim()
    await run("jobs", "attach", first)
    await changed("zspecification", (folder) => replace(folder, "job.json", (path) => mkdir(path)))
    await changed("zpipe", (folder) => replace(folder, "job.json", (path) => execFileSync("mkfifo", [path])))
    await changed("zhuge", (folder) => truncate(join(folder, "job.json"), 600e6))
    await changed("zjournal", (folder) => replace(folder, "journal.jsonl", (path) => mkdir(path)))
    await changed("zlease", (folder) => replace(folder, "lease", (path) => mkdir(path)))
    await changed("zpiped", async (folder) => {
      for (const name of ["lease", "journal.jsonl", "slurm.json", "slurm.out", "archives.json"]) {
        await replace(folder, name, (path) => execFileSync("mkfifo", [path]))
      }
      // As of any lock that tells nobody's name: whose it is counts as alive for a while.
      await utimes(join(folder, "lease"), 1e9, 1e9)
    })
    await changed("zresult", (folder) => replace(folder, "result.json", (path) => execFileSync("mkfifo", [path])))
    await symlink("/nowhere", join(jobs, "zdangling"))
    await symlink(".", join(jobs, "zloop"))
    const states = Object.fromEntries((await list()).map(({ id, state }) => [id, state]))
    expect(states).to.deep.equal({
      [first]: "done",
      zspecification: "unreadable",
      zpipe: "unreadable",
      zhuge: "unreadable",
      zjournal: "lost",
      zlease: "lost",
      zpiped: "lost",
      zresult: "lost",
    })
    expect(await run("jobs", "logs", "zpiped")).to.include({ status: 0, stdout: "" })
    expect(await run("jobs", "cancel", "zpiped")).to.include({ status: 3 })
    await rm(join(jobs, "zpiped"), { recursive: true })
    for (const job of ["zspecification", "zpipe", "zhuge", "zjournal", "zlease", "zdangling"]) {
      for (const command of ["attach", "cancel"]) {
        const { status, stderr } = await run("jobs", command, job)
        expect(status, `${command} ${job}: ${stderr}`).to.equal(3)
      }
    }
  })

  it("copied another job, or written times of the future, is a job that can be resumed", async () => {
    await run("jobs", "attach", (await run("prepare", "--detach", lab.dataset(0.2))).stdout.trim())
    await changed("zcopied", () => Promise.resolve())
    await changed("zfuture", async (folder) => {
      const specification = await readFile(join(folder, "job.json"), "utf8")
      await writeFile(join(folder, "job.json"), specification.replace(/"created": "[^"]*"/, `"created": "${FUTURE}"`))
      await writeFile(join(folder, "journal.jsonl"), `{"time":"${FUTURE}","message":"told"}\n`)
      for (const name of ["job.json", "journal.jsonl"]) await utimes(join(folder, name), 4e9, 4e9)
    })
    const future = (await list()).find(({ id }) => id === "zfuture")
    expect(future).to.include({ state: "lost", since: Date.parse(FUTURE) / 1000 })
    for (const job of ["zcopied", "zfuture"]) {
      const { status, stdout, stderr } = await run("jobs", "attach", job)
      expect(status, stderr).to.equal(0)
      expect(await lab.isRight(stdout)).to.equal(true)
      expect((await list()).find(({ id }) => id === job)).to.include({ state: "done" })
    }
    expect((await run("jobs", "logs", "zfuture")).stdout).to.contain(`${FUTURE}\ttold\n`)
  })

  it("a newer version's result is told as such and stays as it is", async () => {
    await run("jobs", "attach", (await run("prepare", "--detach", lab.dataset(0.2))).stdout.trim())
    const result = '{"version":2,"state":"better than done"}'
    await changed("znewer", (folder) => writeFile(join(folder, "result.json"), result))
    const detail = "result.json was written by a newer datamaestro (version 2)"
    expect((await list()).find(({ id }) => id === "znewer")).to.include({ state: "unreadable", detail })
    for (const command of ["attach", "cancel"]) {
      const { status, stderr } = await run("jobs", command, "znewer")
      expect(status, stderr).to.equal(3)
      expect(stderr).to.contain(`Cannot read job "znewer": ${detail}`)
    }
    expect((await run("jobs", "logs", "znewer")).stdout).to.match(/part0: downloaded/)
    expect(await readFile(join(jobs, "znewer/result.json"), "utf8")).to.equal(result)
  })
})
