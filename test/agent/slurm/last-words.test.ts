import { execFileSync } from "node:child_process"
import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "chai"
import { readLastWords } from "../../../packages/agent/src/slurm/last-words.ts"
import type { Submission } from "../../../packages/agent/src/slurm/submission.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("what was printed in an allocation", () => {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>
  let folder: string
  beforeEach(async () => {
    temporary = await temporaryFolder("datamaestro-words-")
    folder = join(temporary.path, "jobs", "bbbb")
    for (const job of ["aaaa", "bbbb"]) await mkdir(join(temporary.path, "jobs", job), { recursive: true })
    await writeFile(join(temporary.path, "netrc"), "password hunter2\n")
  })
  afterEach(() => temporary.remove())

  const submitted = (more: Partial<Submission> = {}): Submission => ({
    version: 1,
    slurm: "7_1",
    submitted: "2026-01-01T00:00:00Z",
    host: "login",
    dataset: "org.example.thing",
    repository: "example",
    ...more,
  })

  it("is its last line, its own or that of Slurm's daemon, which knows of memory", async () => {
    const output = join(temporary.path, "jobs", "aaaa", "slurm-1.out")
    await writeFile(output, "slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch.\n")
    expect(await readLastWords(folder, submitted({ output }))).to.include({ memory: true })
    await writeFile(join(folder, "slurm.out"), "before\nfirst\nlast\n")
    expect(await readLastWords(folder, submitted())).to.deep.equal({ memory: false, line: "last", opened: true })
    expect(await readLastWords(folder, submitted({ printed: 18 }))).to.deep.equal({
      memory: false,
      line: undefined,
      opened: true,
    })
  })

  it("is not why Slurm ended an earlier start of it", async () => {
    const says = (why: string): string =>
      `slurmstepd-n1: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-27T13:46:51 DUE TO ${why} ***\n`
    const earlier = ["JOB REQUEUE", "PREEMPTION", "NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS"].map(says).join("")
    await writeFile(join(folder, "slurm.out"), earlier)
    expect(await readLastWords(folder, submitted())).to.deep.equal({ memory: false, line: undefined, opened: true })
    await writeFile(join(folder, "slurm.out"), `no Node here\n${earlier}`)
    expect(await readLastWords(folder, submitted())).to.include({ line: "no Node here" })
  })

  it("is the error by which Node ended, not its version", async () => {
    const printed = `node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module '/home/me/.cache/datamaestro/agents/1/agent.cjs'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15) {
  code: 'MODULE_NOT_FOUND'
}

Node.js v20.20.2
`
    await writeFile(join(folder, "slurm.out"), printed)
    expect((await readLastWords(folder, submitted())).line).to.match(/^Error: Cannot find module '.*agent\.cjs'$/)
  })

  it("is the end of what is long, cut where it would fill the screen", async () => {
    await writeFile(
      join(folder, "slurm.out"),
      `slurmstepd: error: oom_kill\n${"line\n".repeat(2000)}${"x".repeat(400)}\n`,
    )
    expect(await readLastWords(folder, submitted())).to.deep.equal({
      memory: false,
      line: "x".repeat(300),
      opened: true,
    })
  })

  it("is nothing of files that are no output of a job, wherever the job's folder points", async () => {
    const nothing = { memory: false, line: undefined, opened: false }
    const secret = join(temporary.path, "netrc")
    await writeFile(join(temporary.path, "slurm-1.out"), "secret\n")
    const outside = `${temporary.path}/jobs/aaaa/../slurm-1.out`
    for (const output of [secret, outside]) {
      expect(await readLastWords(folder, submitted({ output }))).to.deep.equal(nothing)
    }
    await symlink(secret, join(folder, "slurm.out"))
    await symlink(secret, join(folder, "slurm-1.out"))
    const output = join(folder, "slurm-1.out")
    expect(await readLastWords(folder, submitted({ output }))).to.deep.equal(nothing)
  })

  it("is nothing of a pipe, which is not waited for", async () => {
    await rm(join(folder, "slurm.out"), { force: true })
    execFileSync("mkfifo", [join(folder, "slurm.out")])
    expect(await readLastWords(folder, submitted())).to.deep.equal({ memory: false, line: undefined, opened: false })
  })
})
