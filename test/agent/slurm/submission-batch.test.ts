import { expect } from "chai"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { SubmissionBatch, type BatchedSubmission } from "../../../packages/agent/src/slurm/submission-batch.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("a batch of submissions", () => {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>
  let path: string | undefined
  beforeEach(async () => {
    temporary = await temporaryFolder("datamaestro-batch-")
    path = process.env["PATH"]
    process.env["PATH"] = `${temporary.path}:${path}`
    await sbatch('n=$(cat n 2>/dev/null || echo 6); n=$((n + 1)); echo $n > n; echo "$n"')
    for (const job of ["aaaa", "bbbb", "cccc"]) await mkdir(join(temporary.path, job))
  })
  afterEach(async () => {
    process.env["PATH"] = path
    await temporary.remove()
  })

  const sbatch = async (script: string): Promise<void> => {
    const program = join(temporary.path, "sbatch")
    await writeFile(program, `#!/bin/sh\ncd ${temporary.path}\necho "$@" >> asked\n${script}\n`)
    await chmod(program, 0o755)
  }
  const asked = async (): Promise<string[]> =>
    (await readFile(join(temporary.path, "asked"), "utf8").catch(() => "")).split("\n").filter((line) => line !== "")
  const submission = (job: string, signal = new AbortController().signal, helpers = 0): BatchedSubmission => ({
    job,
    folder: join(temporary.path, job),
    helpers,
    program: { node: "node", agent: "agent", cacheFolder: "cache" },
    options: { width: 2 },
    signal,
  })
  const batchOf = (...jobs: string[]): SubmissionBatch => {
    const batch = new SubmissionBatch(jobs.length)
    for (const job of jobs) batch.announce(job)
    return batch
  }

  it("waits for all, and submits once; who leaves is not waited for", async () => {
    const batch = batchOf("aaaa", "bbbb", "cccc")
    const first = batch.submit(submission("aaaa"))
    const second = batch.submit(submission("bbbb"))
    expect(await asked()).to.deep.equal([])
    batch.leave("cccc")
    const output = (index: number): string => join(temporary.path, "aaaa", `slurm-${index}.out`)
    expect(await Promise.all([first, second])).to.deep.equal([
      { slurm: "7_0", output: output(0) },
      { slurm: "7_1", output: output(1) },
    ])
    expect(await asked()).to.have.length(1)
    expect((await asked())[0]).to.contain("--array=0-1%2")
    // It comes after all.
    expect(await batch.submit(submission("cccc"))).to.deep.equal({ slurm: "8" })
  })

  it("has tasks that help after all the jobs themselves", async () => {
    const batch = batchOf("aaaa", "bbbb")
    const first = batch.submit(submission("aaaa", undefined, 2))
    const second = batch.submit(submission("bbbb", undefined, 1))
    expect(await first).to.deep.include({ slurm: "7_0", helpers: ["7_2", "7_3"] })
    expect(await second).to.deep.include({ slurm: "7_1", helpers: ["7_4"] })
    expect((await asked())[0]).to.contain("--array=0-4%2")
    const script = await readFile(join(temporary.path, "aaaa", "slurm.sh"), "utf8")
    expect(script).to.match(/\n3\) exec .*aaaa' 'cache' '2' >>/)
  })

  it("goes without those who were cancelled, and without those whom nobody asks for any more", async () => {
    const batch = new SubmissionBatch(3)
    batch.announce("aaaa")
    batch.announce("bbbb")
    const abort = new AbortController()
    const first = batch.submit(submission("aaaa", abort.signal))
    const second = batch.submit(submission("bbbb"))
    abort.abort()
    expect(await rejection(first)).to.include({ code: "INTERRUPTED" })
    expect(await asked()).to.deep.equal([])
    batch.close()
    expect(await second).to.deep.equal({ slurm: "7" })
    expect((await asked())[0]).not.to.contain("--array")
  })

  it("tells all of them that Slurm refuses it", async () => {
    await sbatch("echo no >&2; exit 1")
    const batch = batchOf("aaaa", "bbbb")
    for (const each of [batch.submit(submission("aaaa")), batch.submit(submission("bbbb"))]) {
      expect(await rejection(each)).to.include({ code: "LAUNCHER_FAILED" })
    }
  })

  // The words of Slurm 22.05.
  for (const [printed, hint] of [
    [
      "error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\nerror: fetch_config: DNS SRV lookup failed\nerror: _establish_config_source: failed to fetch config\nfatal: Could not establish a configuration source",
      /no cluster: .*--host/,
    ],
    [
      "error: s_p_parse_file: cannot stat file /etc/slurm/slurm.conf: No such file or directory\nerror: ClusterName needs to be specified\nfatal: Unable to process configuration file",
      /no cluster: .*--host/,
    ],
    ["error: Batch job submission failed: Unable to contact slurm controller (connect failure)", /does not answer/],
    ["error: invalid partition specified: nosuch\nerror: Batch job submission failed", /user\.json/],
  ] as const) {
    it(`says what to do about "${printed.split("\n").at(-1)}"`, async () => {
      await sbatch(`cat >&2 <<'EOF'\n${printed.replaceAll(/^/gm, "sbatch: ")}\nEOF\nexit 1`)
      const error = await rejection(batchOf("aaaa").submit(submission("aaaa")))
      expect(error.message).to.contain(printed.split("\n").at(-1))
      expect(error).to.have.property("hint").that.matches(hint)
    })
  }
})
