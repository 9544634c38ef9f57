import { expect } from "chai"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isAlive, startJobLab, until, type JobLab } from "../helpers/job-lab.ts"

describe("jobs on this machine", function () {
  this.timeout(60_000)
  let lab: JobLab
  beforeEach(async () => (lab = await startJobLab()))
  afterEach(() => lab.close())

  const run = async (...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> => {
    const command = lab.start(...args)
    const status = await command.ended
    return { status, stdout: command.stdout, stderr: command.stderr }
  }
  const list = async (): Promise<{ id: string; state: string; dataset?: string; detail?: string }[]> =>
    JSON.parse((await run("--json", "jobs", "list")).stdout) as { id: string; state: string }[]
  const lease = (id: string): string => join(lab.data, "data/lab", ...id.split("."), ".state.lease")
  const working = async (): Promise<{ job: string; pid: number }> => {
    let job = ""
    let pid = 0
    await until(async () => {
      job = (await lab.jobs())[0] ?? ""
      pid = job === "" ? 0 : await lab.holder(job)
      return pid > 0 && existsSync(join(lab.data, "jobs", job, "job.json"))
    })
    return { job, pid }
  }

  it("are begun with --detach, listed, attached to by several, and told of", async () => {
    const detached = await run("prepare", "--detach", lab.dataset(3))
    expect(detached.status, detached.stderr).to.equal(0)
    expect(detached.stdout).to.match(/^[a-z0-9]{8}\n$/)
    const id = detached.stdout.trim()
    const lines = (await run("jobs", "list")).stdout
    expect(lines).to.match(new RegExp(`^${id}\\trunning\\torg\\.example\\.takes3\\t.*\\t\\d{4}-\\d\\d-\\d\\dT`))
    const attached = await Promise.all([run("jobs", "attach", id), run("jobs", "attach", id.slice(0, 5))])
    for (const { status, stdout, stderr } of attached) {
      expect(status, stderr).to.equal(0)
      expect(await lab.isRight(stdout)).to.equal(true)
      expect(stderr).to.match(/downloading|downloaded/)
    }
    expect(await list()).to.have.nested.property("[0].state", "done")
    // Also later, and again: the result stays.
    expect((await run("jobs", "attach", id)).stdout).to.equal(attached[0].stdout)
    expect((await run("prepare", lab.dataset(3))).stdout).to.equal(attached[0].stdout)
    const { stdout } = await run("jobs", "logs", id)
    expect(stdout)
      .to.match(/\tbegun by process \d+/)
      .and.match(/part0: downloaded/)
  })

  it("are not begun for an id that is no dataset's", async () => {
    const { status, stdout, stderr } = await run("prepare", "--detach", "org.none")
    expect([status, stdout], stderr).to.deep.equal([3, ""])
    expect(stderr).to.contain('Cannot find dataset "org.none"')
    expect((await run("jobs", "list")).stdout).to.equal("")
  })

  it("that nobody knows end a command with exit 3", async () => {
    for (const args of [["attach"], ["logs"], ["cancel"]]) {
      for (const job of ["nosuchjob", "../../etc", ""]) {
        const { status, stderr } = await run("jobs", ...args, job)
        expect(status, stderr).to.equal(3)
      }
    }
    expect((await run("jobs", "list")).stdout).to.equal("")
  })

  it("are cancelled from elsewhere: no process, no lock, and the next call continues", async () => {
    const id = (await run("prepare", "--detach", lab.dataset(30))).stdout.trim()
    const pid = await lab.holder(id)
    await until(() => existsSync(lease(lab.dataset(30))))
    expect(await run("jobs", "cancel", id)).to.include({ status: 0, stdout: `${id}\tcancelled\n` })
    await until(() => !isAlive(pid))
    expect(existsSync(lease(lab.dataset(30)))).to.equal(false)
    const attached = await run("jobs", "attach", id)
    expect(attached.status).to.equal(130)
    expect(attached.stderr).to.contain("the job was cancelled, not by this command\n  hint: prepare the dataset again")
    expect(await list()).to.have.nested.property("[0].state", "cancelled")
  })

  it("whose process stands still are told as that to who cancels them, and end when it goes on", async () => {
    const detached = lab.start("prepare", "--detach", lab.dataset(8))
    await detached.ended
    const job = detached.stdout.trim()
    const holder = await lab.signalHolder(job, "SIGSTOP")
    const cancel = lab.start("jobs", "cancel", job)
    await cancel.said(new RegExp(`process ${holder} on .* has not answered yet`))
    process.kill(holder, "SIGCONT")
    expect(await cancel.ended).to.equal(0)
    expect(cancel.stdout).to.equal(`${job}\tcancelled\n`)
  })

  it("are what the work becomes when the controller is killed with -9; a second prepare shows its progress", async () => {
    const first = lab.start("prepare", lab.dataset(8))
    await first.said(/part0: downloading/)
    const { job, pid } = await working()
    first.child.kill("SIGKILL")
    await first.ended
    const second = lab.start("prepare", lab.dataset(8))
    await second.said(new RegExp(`job ${job} prepares it`))
    await second.said(/part\d: downloading/)
    expect(await list()).to.have.nested.property("[0].state", "running")
    expect(await second.ended, second.stderr).to.equal(0)
    expect(await lab.isRight(second.stdout)).to.equal(true)
    await until(() => !isAlive(pid))
    expect((await list()).map(({ id, state }) => [id, state])).to.deep.include([job, "done"])
    // Each byte came once.
    expect(lab.origin.requestsOf("/8/0")).to.have.length(1)
  })

  it("whose process is gone are told as lost, and resumed by attaching; leaving lets them go on", async () => {
    const first = lab.start("prepare", lab.dataset(8))
    await first.said(/part0: downloading/)
    const { job, pid } = await working()
    await sleep(500)
    process.kill(pid, "SIGKILL")
    expect(await first.ended).to.equal(9)
    expect(await list()).to.have.nested.property("[0].state", "lost")
    const attached = lab.start("jobs", "attach", job)
    await attached.said(/resuming it/)
    await attached.said(/part0: downloading/)
    attached.child.kill("SIGINT")
    expect(await attached.ended).to.equal(130)
    expect(attached.stderr).to.contain(`job ${job} goes on; \`datamaestro jobs cancel ${job}\` ends it`)
    // It is neither cancelled nor to be begun again.
    expect(attached.stderr).to.not.match(/cancelling|run the same command again/)
    expect(await list()).to.have.nested.property("[0].state", "running")
    const again = await run("jobs", "attach", job)
    expect(again.status, again.stderr).to.equal(0)
    expect(await lab.isRight(again.stdout)).to.equal(true)
  })

  it("end with --on-disconnect cancel when the controller does, as parts that are continued", async () => {
    const first = lab.start("--on-disconnect", "cancel", "prepare", lab.dataset(30))
    await first.said(/part0: downloading/)
    const { pid } = await working()
    first.child.kill("SIGKILL")
    await until(() => !isAlive(pid))
    expect(existsSync(lease(lab.dataset(30)))).to.equal(false)
    expect(await list()).to.have.nested.property("[0].state", "cancelled")
  })

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`are cancelled in the foreground by ${signal}`, async () => {
      const command = lab.start("prepare", lab.dataset(30))
      await command.said(/part0: downloading/)
      const { pid } = await working()
      command.child.kill(signal)
      expect(await command.ended).to.equal(status)
      await until(() => !isAlive(pid))
      expect(existsSync(lease(lab.dataset(30)))).to.equal(false)
      expect(await list()).to.have.nested.property("[0].state", "cancelled")
    })
  }

  it("are left at once by a second Ctrl-C, whether they have answered the first or not", async () => {
    const command = lab.start("prepare", lab.dataset(30))
    await command.said(/part0: downloading/)
    const { pid } = await working()
    process.kill(pid, "SIGSTOP")
    command.child.kill("SIGINT")
    await command.said(/cancelling/)
    command.child.kill("SIGINT")
    expect(await command.ended).to.equal(130)
    // What it says when it has waited for an answer.
    expect(command.stderr).to.not.contain("error: Interrupted")
    process.kill(pid, "SIGCONT")
    await until(() => !isAlive(pid))
    expect(await list()).to.have.nested.property("[0].state", "cancelled")
  })

  it("that an administrator ends with SIGTERM can be resumed", async () => {
    const id = (await run("prepare", "--detach", lab.dataset(3))).stdout.trim()
    await until(() => existsSync(lease(lab.dataset(3))))
    await lab.signalHolder(id, "SIGTERM")
    await until(async () => (await list())[0]?.state === "lost")
    expect((await run("jobs", "logs", id)).stdout).to.contain("stopped: ")
    expect(existsSync(lease(lab.dataset(3)))).to.equal(false)
    const { status, stdout } = await run("jobs", "attach", id)
    expect(status).to.equal(0)
    expect(await lab.isRight(stdout)).to.equal(true)
  })

  it("with a folder that was edited, half written, or comes from a newer version are listed as such", async () => {
    const id = (await run("prepare", "--detach", lab.dataset(0.2))).stdout.trim()
    await run("jobs", "attach", id)
    const jobs = join(lab.data, "jobs")
    const specification = await readFile(join(jobs, id, "job.json"), "utf8")
    const put = async (name: string, files: Record<string, string>): Promise<void> => {
      await mkdir(join(jobs, name))
      for (const [file, content] of Object.entries(files)) await writeFile(join(jobs, name, file), content)
    }
    await put("half", { lease: "" })
    await put("torn", { "job.json": specification.slice(0, 100) })
    await put("newer", { "job.json": JSON.stringify({ version: 99, what: "ever" }) })
    await put("edited", { "job.json": specification.replace('"encoder": "normal"', '"encoder": 7') })
    await put("result", {
      "job.json": specification,
      "result.json": '{"version": 1, "sta',
      "journal.jsonl": 'no json\n{"time": 5}\n{"time":"2026-01-01T00:00:00Z","message":"told"}\n\0\0\0half',
    })
    await writeFile(join(jobs, "a file"), "")
    const states = Object.fromEntries((await list()).map((job) => [job.id, `${job.state} ${job.detail ?? ""}`]))
    expect(states[id]).to.equal("done ")
    expect(states["half"]).to.match(/^unreadable .*half written/)
    expect(states["torn"]).to.match(/^unreadable .*no JSON/)
    expect(states["newer"]).to.match(/^unreadable .*newer datamaestro/)
    expect(states["edited"]).to.match(/^unreadable .*encoder/)
    expect(states["result"]).to.match(/^lost/)
    expect((await run("jobs", "logs", "result")).stdout).to.equal("2026-01-01T00:00:00Z\ttold\n")
    for (const job of ["half", "torn", "newer", "edited"]) {
      for (const command of ["attach", "cancel"]) expect((await run("jobs", command, job)).status).to.equal(3)
    }
    expect(await readFile(join(jobs, "newer", "job.json"), "utf8")).to.contain("99")
    const resumed = await run("jobs", "attach", "result")
    expect(resumed.status, resumed.stderr).to.equal(0)
  })
})
