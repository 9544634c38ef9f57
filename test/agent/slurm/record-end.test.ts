import { expect } from "chai"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { listJobs } from "../../../packages/agent/src/jobs/list-jobs.ts"
import { SlurmWatch } from "../../../packages/agent/src/slurm/slurm-watch.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("the end of an allocation that somebody has seen", () => {
  const path = process.env["PATH"]
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>
  let jobs: string
  beforeEach(async () => {
    temporary = await temporaryFolder("datamaestro-end-")
    jobs = join(temporary.path, "jobs")
    process.env["PATH"] = temporary.path
  })
  afterEach(async () => {
    process.env["PATH"] = path
    await temporary.remove()
  })

  const squeue = async (script: string): Promise<void> => {
    await writeFile(join(temporary.path, "squeue"), `#!/bin/sh\n${script}\n`)
    await chmod(join(temporary.path, "squeue"), 0o700)
  }
  const submitted = async (id: string, ended?: { state: string; why: string }): Promise<void> => {
    await mkdir(join(jobs, id), { recursive: true })
    const host = "login"
    const specification = {
      version: 1,
      id,
      request: { id: "org.example.thing", encoder: "normal", download: true },
      repositories: [],
      remote: false,
      user: "me",
      agent: "0.1.0",
      created: "2026-01-01T00:00:00Z",
      host,
      detached: true,
    }
    await writeFile(join(jobs, id, "job.json"), JSON.stringify(specification))
    const submission = {
      version: 1,
      slurm: "7",
      submitted: "2026-01-01T00:00:00Z",
      host,
      dataset: "x",
      repository: "y",
    }
    await writeFile(join(jobs, id, "slurm.json"), JSON.stringify({ ...submission, ended }))
  }
  const states = async (): Promise<(string | undefined)[][]> =>
    (await listJobs(jobs)).map(({ state, detail }) => [state, detail])

  it("stands while Slurm can't be asked, unless Slurm has it again", async () => {
    await submitted("aaaa", { state: "CANCELLED", why: "it was cancelled in Slurm" })
    await squeue("echo 'Unable to contact slurm controller' >&2; exit 1")
    expect(await states()).to.deep.equal([["lost", "it was cancelled in Slurm"]])
    expect(await new SlurmWatch(join(jobs, "aaaa")).look()).to.deep.equal({
      kind: "ended",
      why: "it was cancelled in Slurm",
    })
    await squeue("echo '7|PENDING||1:00|1:00|Priority'")
    expect(await states()).to.deep.equal([["queued", "queued as Slurm job 7 (Priority)"]])
  })

  it("is not guessed where nobody has", async () => {
    await submitted("aaaa")
    await squeue("echo 'Unable to contact slurm controller' >&2; exit 1")
    expect(await states()).to.deep.equal([
      ["queued", "submitted as Slurm job 7; now Unable to contact slurm controller"],
    ])
  })

  it("is told as a folder that the node lacks where Slurm could not even print there", async () => {
    await submitted("aaaa")
    await squeue("echo '7|FAILED|n1|1:00|0:59|NonZeroExitCode'")
    const why = "its process ended without a result on n1 (FAILED)"
    const unseen = `"${join(jobs, "aaaa")}" was not to be written there: compute nodes must have the data directory at the same path`
    expect(await states()).to.deep.equal([["lost", `${why}: ${unseen}`]])
    await submitted("bbbb")
    await writeFile(join(jobs, "bbbb", "slurm.out"), "")
    expect((await states())[1]).to.deep.equal(["lost", why])
  })
})
