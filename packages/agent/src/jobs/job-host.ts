import {
  asDatamaestroError,
  DatamaestroError,
  interrupted,
  newJobId,
  type JobLogEntry,
  type JobState,
  type JobSummary,
  type Params,
  type ProgressListener,
  type RelayMode,
  type RequestContext,
  type Result,
} from "@datamaestro/protocol"
import { hostname, userInfo } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { AgentSession } from "../agent-session.ts"
import type { Relay } from "../fetch/way-out.ts"
import { prepareRequest } from "../prepare-request.ts"
import { AGENT_VERSION } from "../version.ts"
import type { Allocation } from "../slurm/allocation.ts"
import { SlurmWatch } from "../slurm/slurm-watch.ts"
import { followJob, requestCancel, SLURM_GRACE } from "./follow-job.ts"
import { findJob, jobFiles, jobIds, outcomeOf, readResult, readSpecification } from "./job-folder.ts"
import { cancelLost, JobRecord } from "./job-record.ts"
import { JOB_VERSION, type JobSpecification } from "./job-specification.ts"
import { JournalReader } from "./journal.ts"
import { readLease } from "./lease.ts"
import { RunningJob, SUBMITTED } from "./running-job.ts"

type Prepared = Result<"datasets/prepare">
type Request = Params<"datasets/prepare">

/** How long finished jobs are listed unless the settings say otherwise. */
const KEEP_DAYS = 7
/** Most entries of a journal that are shown. */
const LOG_ENTRIES = 10_000
const POLL = 100
/** How long work in an allocation may take to give back its locks once it has ended, in milliseconds. */
const SETTLE = 3000

/** The jobs of this process, and those of others in the same data directory. */
export class JobHost {
  readonly #session: AgentSession
  readonly #allocation: Allocation | undefined
  readonly #running = new Map<string, RunningJob>()
  readonly #relay: Relay | undefined
  #pruned = false

  /**
   * @param relay how requests leave through the controller, where they can
   * @param allocation in which this process runs, to work on one job
   */
  constructor(session: AgentSession, { relay, allocation }: { relay?: Relay; allocation?: Allocation } = {}) {
    this.#session = session
    this.#relay = relay
    this.#allocation = allocation
  }

  get #folder(): string {
    return join(this.#session.paths.data, "jobs")
  }

  /**
   * Prepares a dataset in the foreground. The work survives the connection; whoever asks again for the job of that id
   * finds it, running or ended. Cancelling ends it.
   */
  async prepare(request: Request, context: RequestContext): Promise<Prepared> {
    const id = request.job ?? newJobId()
    const folder = join(this.#folder, id)
    if (this.#running.has(id)) return await this.#attach(id, context, { owner: true, relay: request.relay })
    if (request.job !== undefined && (await readSpecification(folder)).kind !== "missing") {
      return await this.#attach(id, context, { owner: true, relay: request.relay })
    }
    // Nobody is there any more, and nothing has begun.
    if (context.signal.aborted) throw interrupted()
    const specification = this.#specification(id, request, false)
    const job = this.#run(this.#session, specification, { makeRecord: () => this.#makeRecord(folder, specification) })
    const outcome = await job.follow({ ...context, owner: true })
    if (outcome !== SUBMITTED) return outcome
    return await this.#attach(id, context, { owner: true, relay: request.relay, begun: true })
  }

  /** Begins a preparation that nobody need look on; once this returns, it can be found. */
  async start(request: Request): Promise<string> {
    const id = request.job ?? newJobId()
    const folder = join(this.#folder, id)
    if (this.#running.has(id) || (await readSpecification(folder)).kind !== "missing") return id
    const specification = this.#specification(id, request, true)
    const record = await this.#makeRecord(folder, specification)
    if (record === undefined) return id
    const job = this.#run(this.#session, specification, { record })
    // That Slurm refuses it is told here and now, unless that comes after a long download.
    if (request.slurm !== undefined && request.slurm.fetch !== "login") await job.done
    return id
  }

  /**
   * Works on a job in an allocation, once whoever has it lets go of it or is dead.
   *
   * @returns the exit status
   * @throws DatamaestroError UNKNOWN_JOB when its folder makes no sense
   */
  async work(id: string): Promise<number> {
    const folder = join(this.#folder, id)
    const found = await readSpecification(folder)
    if (found.kind !== "found") throw unreadable(id, found)
    const record = await this.#takeOver(folder)
    if (record === undefined) return 0
    await this.#allocation?.begin()
    if (this.#allocation !== undefined) record.message(this.#allocation.description)
    try {
      const job = this.#run(await this.#session.resumed(found.value), found.value, { record })
      try {
        await job.done
        return 0
      } finally {
        // The process ends now: what is left to give back must not be left to others' patience.
        await Promise.race([job.settled, sleep(SETTLE, undefined, { ref: false })])
      }
    } catch (error) {
      return asDatamaestroError(error).exitStatus
    }
  }

  /** @throws DatamaestroError UNKNOWN_JOB; what the job ended with; INTERRUPTED when no longer wanted, the job goes on */
  async attach({ job, relay }: Params<"jobs/attach">, context: RequestContext): Promise<Prepared> {
    return await this.#attach(await findJob(this.#folder, job), context, { owner: false, relay })
  }

  async list(): Promise<JobSummary[]> {
    const { listJobs } = await import("./list-jobs.ts")
    return await listJobs(this.#folder)
  }

  async logs(reference: string): Promise<JobLogEntry[]> {
    const folder = join(this.#folder, await findJob(this.#folder, reference))
    // Why an allocation ended stands in the journal once somebody has asked.
    const { live } = await readLease(jobFiles(folder).lease)
    if (!live && (await readResult(folder)) === undefined) await new SlurmWatch(folder).look()
    return (await new JournalReader(jobFiles(folder).journal).read()).slice(-LOG_ENTRIES)
  }

  /** Asks a job to stop, wherever it runs, and waits until it has. */
  async cancel(reference: string, signal: AbortSignal): Promise<{ job: string; state: JobState }> {
    const job = await findJob(this.#folder, reference)
    const folder = join(this.#folder, job)
    const found = await readSpecification(folder)
    if (found.kind !== "found") throw unreadable(job, found)
    const watch = new SlurmWatch(folder)
    const began = performance.now()
    let toldSlurm = false
    for (let asked = false; ;) {
      const { live } = await readLease(jobFiles(folder).lease)
      const result = await readResult(folder)
      if (result !== undefined) return { job, state: result.state }
      const waits = !live && (await watch.look(true)).kind === "waiting"
      if (!live && !waits && (await cancelLost(folder))) continue
      if (!asked && (live || waits)) {
        asked = true
        this.#running.get(job)?.cancel()
        await requestCancel(folder)
      }
      if (!toldSlurm && (waits || performance.now() - began > SLURM_GRACE)) {
        toldSlurm = true
        await watch.cancel()
      }
      await sleep(POLL, undefined, { signal })
    }
  }

  /**
   * While another process prepares a dataset that this one waits for: its progress, if it is a job.
   *
   * @param holder of the dataset's lock, as messages call it
   */
  async followHolder(
    dataset: string,
    holder: string,
    options: { signal: AbortSignal; progress: ProgressListener },
  ): Promise<void> {
    for (const id of await jobIds(this.#folder)) {
      const folder = join(this.#folder, id)
      if (this.#running.has(id) || (await readResult(folder)) !== undefined) continue
      const lease = await readLease(jobFiles(folder).lease)
      if (!lease.live || lease.description !== holder) continue
      const journal = new JournalReader(jobFiles(folder).journal)
      const theirs = (await journal.read()).some(({ event }) => event?.phase === "dataset" && event.dataset === dataset)
      if (!theirs) continue
      options.progress({
        phase: "notice",
        level: "info",
        message: `${dataset}: job ${id} prepares it: its progress follows`,
      })
      const progress: ProgressListener = (event) => {
        if ("dataset" in event && event.dataset === dataset && event.phase !== "dataset") options.progress(event)
      }
      await followJob(folder, { signal: options.signal, progress, owner: false }).catch(() => {})
      return
    }
  }

  /** The connection is gone. Says whether there is work that goes on without it; the rest is cancelled. */
  disconnect(): boolean {
    const jobs = [...this.#running.values()]
    for (const job of jobs) {
      if (job.onDisconnect === "cancel") job.cancel()
      else void job.disconnected()
    }
    return jobs.some((job) => !job.ending)
  }

  /** Ends all work here; the jobs can be resumed. */
  stop(reason: string): void {
    for (const job of this.#running.values()) job.stop(reason)
  }

  /** Settles when no work is left. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled([...this.#running.values()].map((job) => job.done))
    }
  }

  /** @param begun it was begun by this very call: it is not begun again when it ends without a result */
  async #attach(
    id: string,
    context: RequestContext,
    { owner, relay, begun = false }: { owner: boolean; relay: RelayMode | undefined; begun?: boolean },
  ): Promise<Prepared> {
    const folder = join(this.#folder, id)
    let seen = begun
    for (;;) {
      const here = this.#running.get(id)
      if (here !== undefined) {
        const outcome = await here.follow({ ...context, owner })
        if (outcome !== SUBMITTED) return outcome
        seen = true
      }
      const found = await readSpecification(folder)
      if (found.kind !== "found") throw unreadable(id, found)
      const cancelOnLoss = found.value.request.onDisconnect === "cancel"
      const result = await followJob(folder, { ...context, owner, cancelOnLoss })
      if (result.state !== "lost") return outcomeOf(result)
      seen ||= result.seen
      // Again and again would be a loop where the time or the memory is too little.
      if (result.why !== undefined && seen) throw allocationEnded(id, result.why)
      const record = await JobRecord.resume(folder)
      if (record === undefined) continue
      const how = result.why === undefined ? "resuming it" : `${result.why}; submitting it again`
      const message = `Nobody worked on job ${id} any more: ${how}`
      context.progress({ phase: "notice", level: "info", message })
      // Only what the controller of today offers; how it was before says whether to look for another way out first.
      const mode = relay === undefined ? undefined : (found.value.request.relay ?? relay)
      const specification = { ...found.value, request: { ...found.value.request, relay: mode } }
      this.#run(await this.#session.resumed(found.value), specification, { record })
    }
  }

  /** Nothing when the job has a result. */
  async #takeOver(folder: string): Promise<JobRecord | undefined> {
    for (;;) {
      if ((await readResult(folder)) !== undefined) return undefined
      const record = await JobRecord.resume(folder, "begun")
      if (record === undefined) {
        await sleep(2 * POLL)
        continue
      }
      if ((await readResult(folder)) === undefined) return record
      await record.end({ state: "stopped", reason: "it had ended already" })
    }
  }

  #run(
    session: AgentSession,
    { id, request, detached }: JobSpecification,
    options: { record?: JobRecord; makeRecord?: () => Promise<JobRecord | undefined> },
  ): RunningJob {
    const job = new RunningJob({
      id,
      onDisconnect: request.onDisconnect ?? "continue",
      detached,
      record: options.record,
      makeRecord: options.makeRecord ?? (() => Promise.resolve(undefined)),
      perform: async ({ signal, progress, record }) => {
        const context = {
          signal,
          progress,
          relay: this.#relay,
          followHolder: (dataset: string, holder: string, stop: AbortSignal) =>
            this.followHolder(dataset, holder, { signal: stop, progress }),
        }
        const { slurm } = request
        if (slurm === undefined || this.#allocation !== undefined) {
          return await prepareRequest(session, request, context)
        }
        const { submitPreparation } = await import("../slurm/submit-preparation.ts")
        const job = { folder: join(this.#folder, id), request: { ...request, slurm }, record }
        return await submitPreparation(session, job, context)
      },
    })
    this.#running.set(id, job)
    const forget = (): void => void this.#running.delete(id)
    job.done.then(forget, forget)
    return job
  }

  async #makeRecord(folder: string, specification: JobSpecification): Promise<JobRecord | undefined> {
    const record = await JobRecord.create(folder, specification)
    if (!this.#pruned) {
      this.#pruned = true
      void this.#prune().catch(() => {})
    }
    return record
  }

  async #prune(): Promise<void> {
    const { job_days: days = KEEP_DAYS } = await this.#session.settings()
    const { pruneJobs } = await import("./prune-jobs.ts")
    await pruneJobs(this.#folder, days)
  }

  #specification(id: string, request: Request, detached: boolean): JobSpecification {
    return {
      version: JOB_VERSION,
      id,
      created: new Date().toISOString(),
      request,
      repositories: [...this.#session.repositories],
      remote: this.#session.remote,
      detached,
      host: hostname(),
      user: userName(),
      agent: AGENT_VERSION,
    }
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // An account that the user database doesn't know, as in some containers.
    return String(process.getuid?.() ?? "")
  }
}

function unreadable(id: string, found: { kind: "missing" } | { kind: "unreadable"; reason: string }): DatamaestroError {
  const reason = found.kind === "missing" ? "its job.json is missing" : found.reason
  return new DatamaestroError("UNKNOWN_JOB", `Cannot read job "${id}": ${reason}`, {
    hint: "prepare its dataset again: what is downloaded is kept; the job's folder can be removed",
    details: { job: id },
  })
}

function allocationEnded(id: string, why: string): DatamaestroError {
  return new DatamaestroError("ALLOCATION_ENDED", `Cannot finish job ${id} in its Slurm allocation: ${why}`, {
    hint: `what is done is kept: \`datamaestro jobs attach ${id}\` submits it again, with what "slurm" in user.json said when it was begun`,
    details: { job: id },
  })
}
