import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, utimes, writeFile, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { unreadableJob } from "../../../packages/agent/src/jobs/job-errors.ts"
import { followJob } from "../../../packages/agent/src/jobs/follow-job.ts"
import { findJob, jobFiles, outcomeOf, readResult } from "../../../packages/agent/src/jobs/job-folder.ts"
import { JobDirectory } from "../../../packages/agent/src/jobs/job-directory.ts"
import { cancelLost, JobRecord } from "../../../packages/agent/src/jobs/job-record.ts"
import type { JobSpecification } from "../../../packages/agent/src/jobs/job-specification.ts"
import { listJobs } from "../../../packages/agent/src/jobs/list-jobs.ts"
import { pruneJobs } from "../../../packages/agent/src/jobs/prune-jobs.ts"
import { writeSubmission } from "../../../packages/agent/src/slurm/submission.ts"
import { fileHandles } from "../../helpers/file-handles.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("a job's folder", () => {
  let jobs: string
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => {
    folder = await temporaryFolder()
    jobs = join(folder.path, "jobs")
  })
  afterEach(() => folder.remove())

  const specification = (id: string, created = new Date().toISOString()): JobSpecification => ({
    version: 1,
    id,
    created,
    request: { id: "org.example.x", encoder: "normal", download: true },
    repositories: [],
    remote: false,
    detached: true,
    host: "login1",
    user: "me",
    agent: "1.0.0",
  })
  const create = async (id: string, created?: string): Promise<JobRecord> => {
    const record = await JobRecord.create(join(jobs, id), specification(id, created))
    if (record === undefined) throw new Error("held by somebody else")
    return record
  }
  const states = async (): Promise<string[]> => (await listJobs(jobs)).map(({ id, state }) => `${id} ${state}`)
  const following = (signal = new AbortController().signal, owner = false) => ({ signal, progress: () => {}, owner })
  const value = { id: "org.example.x", repository: "r", value: { path: "/p" } }

  it("names the path where it can't be made or read, also where the system makes no folders", async () => {
    await writeFile(join(folder.path, "file"), "")
    const places = process.platform === "linux" ? ["/proc/nowhere"] : []
    for (const place of [...places, join(folder.path, "file")]) {
      const path = join(place, "jobs", "one")
      const error = await rejection(JobRecord.create(path, specification("one")))
      expect(error.message).to.contain(`Cannot write the job "${path}"`)
    }
    const cause = Object.assign(new Error("EACCES"), { code: "EACCES", path: "/closed/job.json" })
    const error = unreadableJob("one", { kind: "unreadable", reason: "EACCES", cause })
    expect(error.message).to.equal('Cannot read "/closed/job.json": permission denied')
  })

  it("leaves nothing of one for which the disk is too full", async function () {
    await mkdir(jobs)
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", jobs], { stdio: "ignore" })
    } catch {
      this.skip()
    }
    try {
      const large = { ...specification("one"), user: "x".repeat(100_000) }
      const error = await rejection(JobRecord.create(join(jobs, "one"), large))
      expect(error).to.have.property("code", "NO_SPACE")
      expect(await readdir(jobs)).to.deep.equal([])
      await writeFile(join(jobs, "fill"), "x".repeat(100_000)).catch(() => {})
      const full = await rejection(JobRecord.create(join(jobs, "one"), specification("one")))
      expect(full).to.have.property("code", "NO_SPACE")
      expect(await readdir(jobs)).to.deep.equal(["fill"])
    } finally {
      execFileSync("umount", ["-l", jobs])
    }
  })

  it("tells running, done, failed, cancelled and lost, in the order they began, whatever the clock did since", async () => {
    const running = await create("running", "2999-01-01T00:00:00Z")
    await (await create("done", "2026-01-01T00:00:00Z")).end({ state: "done", result: value })
    const failure = new DatamaestroError("DOWNLOAD_FAILED", "Cannot download", { hint: "try again" })
    await (await create("failed", "2026-01-03T00:00:00Z")).end({ state: "failed", error: failure })
    await (await create("cancelled", "2026-01-02T00:00:00Z")).end({ state: "cancelled" })
    await (await create("lost", "no date")).end({ state: "stopped", reason: "the machine goes down" })
    expect(await states()).to.deep.equal([
      "lost lost",
      "done done",
      "cancelled cancelled",
      "failed failed",
      "running running",
    ])
    await running.end({ state: "stopped", reason: "for the test" })
    expect((await listJobs(jobs)).find(({ id }) => id === "failed")).to.include({ detail: "Cannot download" })
    const result = await readResult(join(jobs, "failed"))
    expect(() => result !== undefined && outcomeOf(result)).to.throw(DatamaestroError, "Cannot download")
  })

  it("is not asked about in Slurm once it has ended, though it was submitted there", async () => {
    await (await create("done")).end({ state: "done", result: value })
    const submission = { version: 1 as const, slurm: "7", submitted: "2026-01-01T00:00:00Z", host: "login1" }
    await writeSubmission(join(jobs, "done"), { ...submission, dataset: "org.example.x", repository: "r" })
    const [summary] = await listJobs(jobs)
    expect(summary).to.include({ state: "done", slurm: "7" }).and.not.have.property("detail")
  })

  it("is listed along with others a few at a time: the results of thousands would fill the memory", async () => {
    for (let index = 0; index < 60; index++) {
      await (await create(`job-${index}`)).end({ state: "done", result: value })
    }
    const handles = await fileHandles()
    const { readFile } = handles
    let [reading, most] = [0, 0]
    handles.readFile = async function (this: FileHandle, ...args: never[]) {
      most = Math.max(most, ++reading)
      try {
        return await (readFile as (...args: never[]) => Promise<never>).apply(this, args)
      } finally {
        reading--
      }
    } as typeof readFile
    try {
      expect(await listJobs(jobs)).to.have.length(60)
    } finally {
      handles.readFile = readFile
    }
    expect(most).to.be.within(2, 16)
  })

  it("tells in its journal how it ended", async () => {
    const ends: [string, Parameters<JobRecord["end"]>[0]][] = [
      [
        "failed: Cannot fetch it",
        { state: "failed", error: new DatamaestroError("DOWNLOAD_FAILED", "Cannot fetch it") },
      ],
      ["handed over to Slurm", { state: "submitted" }],
      ["stopped: SIGTERM", { state: "stopped", reason: "SIGTERM" }],
      ["cancelled", { state: "cancelled" }],
      ["done", { state: "done", result: value }],
    ]
    for (const [index, [told, end]] of ends.entries()) {
      await (await create(`job${index}`)).end(end)
      expect((await new JobDirectory(jobs).logs(`job${index}`)).at(-1)).to.have.property("message", told)
    }
  })

  it("names what is no file where it has one", async () => {
    for (const [name, told] of [
      ["lease", "its lease"],
      ["journal.jsonl", "journal.jsonl"],
    ] as const) {
      await mkdir(join(jobs, name, name), { recursive: true })
      const error = await rejection(JobRecord.resume(join(jobs, name)))
      expect(error).to.include({ code: "UNKNOWN_JOB", message: `Cannot read job "${name}": ${told} is no file` })
    }
  })

  it("whose result a newer version has written is not resumed, which would replace it", async () => {
    await (await create("one")).end({ state: "stopped", reason: "" })
    await writeFile(jobFiles(join(jobs, "one")).result, JSON.stringify({ version: 2 }))
    const error = await rejection(followJob(join(jobs, "one"), following()))
    expect(error).to.have.property("code", "UNKNOWN_JOB")
    expect(error.message).to.contain("was written by a newer datamaestro (version 2)")
  })

  it("is none where no job was ever begun", async () => {
    expect(await states()).to.deep.equal([])
  })

  it("has one holder at a time; a lost one is taken over by one", async () => {
    const record = await create("job-one")
    expect(await JobRecord.create(join(jobs, "job-one"), specification("job-one"))).to.equal(undefined)
    expect(await JobRecord.resume(join(jobs, "job-one"))).to.equal(undefined)
    expect(await cancelLost(join(jobs, "job-one"))).to.equal(false)
    await record.end({ state: "stopped", reason: "for the test" })
    const taken = await Promise.all(Array.from({ length: 8 }, () => JobRecord.resume(join(jobs, "job-one"))))
    expect(taken.filter((each) => each !== undefined)).to.have.length(1)
    for (const each of taken) await each?.end({ state: "cancelled" })
    expect(await states()).to.deep.equal(["job-one cancelled"])
  })

  it("is not cancelled where that can't be written, which is told: whoever asked waited for ever", async () => {
    await (await create("job-one")).end({ state: "stopped", reason: "for the test" })
    const { result } = jobFiles(join(jobs, "job-one"))
    await mkdir(result)
    const cancelling = new JobDirectory(jobs).cancel(
      "job-one",
      { signal: AbortSignal.timeout(5000), progress: () => {} },
      () => {},
    )
    expect(await rejection(cancelling)).to.include({
      code: "STORAGE_FAILED",
      exitStatus: 6,
      message: `Cannot write "${result}": a folder has the place of a file`,
    })
    expect(await states()).to.deep.equal(["job-one lost"])
  })

  it("is given no result by a process that was taken for dead while it slept: whoever took it over gives it one", async () => {
    const record = await create("job-one")
    const { lease } = jobFiles(join(jobs, "job-one"))
    await writeFile(lease, (await readFile(lease, "utf8")).replace(/"token":"[^"]+"/, `"token":"${"a".repeat(24)}"`))
    await record.end({ state: "cancelled" })
    expect(await readResult(join(jobs, "job-one"))).to.equal(undefined)
  })

  it("is not asked to stop by a wish from before it was resumed, but by one from before it was begun", async () => {
    const path = join(jobs, "job-one")
    await (await create("job-one")).end({ state: "stopped", reason: "for the test" })
    for (const [how, left] of [
      ["begun", true],
      ["resumed", false],
    ] as const) {
      await writeFile(jobFiles(path).cancel, "")
      const record = await JobRecord.resume(path, how)
      expect(existsSync(jobFiles(path).cancel), how).to.equal(left)
      await record?.end({ state: "stopped", reason: "for the test" })
    }
  })

  it("is followed from elsewhere to its result, or until nobody works on it", async () => {
    const record = await create("job-one")
    record.event({ phase: "dataset", dataset: "d", state: "started" })
    const told: string[] = []
    const end = followJob(join(jobs, "job-one"), { ...following(), progress: (event) => told.push(event.phase) })
    record.event({ phase: "resource", dataset: "d", resource: "r", how: "cached" })
    await record.end({ state: "done", result: value })
    expect(await end).to.have.property("state", "done")
    expect(told).to.deep.equal(["dataset", "resource"])
    await (await create("job-two")).end({ state: "stopped", reason: "for the test" })
    expect(await followJob(join(jobs, "job-two"), following())).to.include({ state: "lost", why: undefined })
  })

  it("carries the wish to stop from an owner who follows, and none from others", async () => {
    const record = await create("job-one")
    const asked = new Promise<void>((resolve) => record.onCancel(resolve))
    const looking = new AbortController()
    const looker = rejection(followJob(join(jobs, "job-one"), following(looking.signal)))
    looking.abort()
    expect(await looker).to.have.property("code", "INTERRUPTED")
    expect(existsSync(jobFiles(join(jobs, "job-one")).cancel)).to.equal(false)
    const owning = new AbortController()
    const owner = followJob(join(jobs, "job-one"), following(owning.signal, true))
    owning.abort()
    await asked
    await record.end({ state: "cancelled" })
    expect(await owner).to.have.property("state", "cancelled")
  })

  it("stops when the connection of an owner who follows is lost only where that was asked for", async () => {
    const record = await create("job-one")
    const asked = new Promise<void>((resolve) => record.onCancel(resolve))
    const lost = new DatamaestroError("CONNECTION_LOST", "Lost the connection")
    const follow = (given: object): [AbortController, ReturnType<typeof followJob>] => {
      const abort = new AbortController()
      return [abort, followJob(join(jobs, "job-one"), { ...following(abort.signal, true), ...given })]
    }
    const [leaving, left] = follow({})
    leaving.abort(lost)
    expect(await rejection(left)).to.have.property("code", "INTERRUPTED")
    expect(existsSync(jobFiles(join(jobs, "job-one")).cancel)).to.equal(false)
    const [ending, ended] = follow({ cancelOnLoss: true })
    ending.abort(lost)
    await asked
    await record.end({ state: "cancelled" })
    expect(await ended).to.have.property("state", "cancelled")
  })

  it("is found by the beginning of its id, and never outside of its place", async () => {
    for (const id of ["abcd", "abef", "zz99"]) await mkdir(join(jobs, id), { recursive: true })
    expect(await findJob(jobs, "zz")).to.equal("zz99")
    expect(await findJob(jobs, "abcd")).to.equal("abcd")
    for (const reference of ["ab", "x", "", "..", "../jobs/abcd", ".", "ABCD"]) {
      expect(await rejection(findJob(jobs, reference)), reference).to.include({ code: "UNKNOWN_JOB", exitStatus: 3 })
    }
  })

  it("goes when it ended long ago, never while somebody works on it", async () => {
    const old = new Date(Date.now() - 10 * 24 * 3600_000)
    const running = await create("running")
    for (const id of ["done", "fresh"]) await (await create(id)).end({ state: "done", result: value })
    await (await create("lost")).end({ state: "stopped", reason: "for the test" })
    for (const path of ["done/result.json", "running/journal.jsonl", "lost/journal.jsonl"]) {
      await utimes(join(jobs, path), old, old)
    }
    await writeFile(join(jobs, "not ours"), "")
    await pruneJobs(jobs, 7)
    expect((await states()).toSorted()).to.deep.equal(["fresh done", "lost lost", "running running"])
    await pruneJobs(jobs, 2)
    expect((await states()).toSorted()).to.deep.equal(["fresh done", "running running"])
    await running.end({ state: "cancelled" })
  })
})
