import {
  asDatamaestroError,
  interrupted,
  newJobId,
  type Params,
  type ProgressListener,
  type RelayMode,
  type RequestContext,
  type Result,
} from "@datamaestro/protocol"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { AgentSession } from "../agent-session.ts"
import type { Relay } from "../fetch/way-out.ts"
import { prepareRequest, resolve, valueOf } from "../prepare-request.ts"
import type { Allocation } from "../slurm/allocation.ts"
import { SubmissionBatch } from "../slurm/submission-batch.ts"
import { SubmissionBatches } from "../slurm/submission-batches.ts"
import { followJob } from "./follow-job.ts"
import { JobDirectory } from "./job-directory.ts"
import { allocationEnded, unreadableJob } from "./job-errors.ts"
import { hasEnded, outcomeOf, readSpecification } from "./job-folder.ts"
import { jobOfHolder } from "./job-of-holder.ts"
import { JobRecord } from "./job-record.ts"
import type { JobSpecification } from "./job-specification.ts"
import { newSpecification } from "./new-specification.ts"
import { RunningJob, SUBMITTED } from "./running-job.ts"

type Prepared = Result<"datasets/prepare">
type Request = Params<"datasets/prepare">

/** How long finished jobs are listed unless the settings say otherwise. */
const KEEP_DAYS = 7
const POLL = 100
/** How long work in an allocation may take to give back its locks once it has ended, in milliseconds. */
const SETTLE = 3000

/** The jobs of this process, and those of others in the same data directory. */
export class JobHost {
  readonly #session: AgentSession
  readonly #allocation: Allocation | undefined
  readonly #running = new Map<string, RunningJob>()
  readonly #relay: Relay | undefined
  readonly #batches = new SubmissionBatches()
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

  /** Those of all processes. */
  get directory(): JobDirectory {
    return new JobDirectory(this.#folder)
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
    const batch = this.#batches.announce(request, id)
    if (this.#running.has(id) || (request.job !== undefined && (await readSpecification(folder)).kind !== "missing")) {
      batch.leave(id)
      return await this.#attach(id, context, { owner: true, relay: request.relay })
    }
    for (;;) {
      // Nobody is there any more, and nothing has begun.
      if (context.signal.aborted) {
        batch.leave(id)
        throw interrupted()
      }
      const specification = newSpecification(this.#session, { id, request, detached: false })
      const makeRecord = (): Promise<JobRecord | undefined> => this.#makeRecord(folder, specification)
      const job = this.#run(this.#session, specification, { makeRecord, batch })
      const outcome = await job.follow({ ...context, owner: true })
      if (outcome === SUBMITTED) {
        return await this.#attach(id, context, { owner: true, relay: request.relay, begun: true })
      }
      if (!("joined" in outcome)) return outcome
      const result = await this.#join(outcome.joined, request, context)
      if (result !== undefined) return result
    }
  }

  /**
   * Begins a preparation that nobody need look on; once this returns, it can be found.
   *
   * @returns the job's id; that of another one which Slurm has already for the same dataset
   */
  async start(request: Request): Promise<string> {
    // A misspelt id is told here and now; a job is for what takes its time. Slurm's way tells it before it submits.
    if (request.slurm === undefined) await resolve(this.#session, request)
    const id = request.job ?? newJobId()
    const folder = join(this.#folder, id)
    const batch = this.#batches.announce(request, id)
    if (this.#running.has(id) || (await readSpecification(folder)).kind !== "missing") {
      batch.leave(id)
      return id
    }
    const specification = newSpecification(this.#session, { id, request, detached: true })
    if (request.slurm !== undefined) return await this.#startInSlurm(specification, request.slurm, batch)
    const record = await this.#makeRecord(folder, specification)
    if (record !== undefined) this.#run(this.#session, specification, { record })
    return id
  }

  async #startInSlurm(
    specification: JobSpecification,
    slurm: NonNullable<Request["slurm"]>,
    batch: SubmissionBatch,
  ): Promise<string> {
    const { id } = specification
    let findable = (): void => {}
    const found = new Promise<void>((resolve) => (findable = resolve))
    const makeRecord = async (): Promise<JobRecord | undefined> => {
      const record = await this.#makeRecord(join(this.#folder, id), specification)
      findable()
      return record
    }
    const job = this.#run(this.#session, specification, { makeRecord, batch })
    // That Slurm refuses it is told here and now, unless that comes after a long download.
    const outcome = await (slurm.fetch === "login" ? Promise.race([job.done, found]) : job.done)
    return typeof outcome === "object" && "joined" in outcome ? outcome.joined : id
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
    if (found.kind !== "found") throw unreadableJob(id, found)
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
    return await this.#attach(await this.directory.find(job), context, { owner: false, relay })
  }

  /** Asks a job to stop, wherever it runs, and waits until it has. */
  async cancel(reference: string, signal: AbortSignal): Promise<Result<"jobs/cancel">> {
    return await this.directory.cancel(reference, signal, (job) => this.#running.get(job)?.cancel())
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
    const id = await jobOfHolder(this.#folder, dataset, holder, (job) => this.#running.has(job))
    if (id === undefined) return
    const message = `${dataset}: job ${id} prepares it: its progress follows`
    options.progress({ phase: "notice", level: "info", message })
    const progress: ProgressListener = (event) => {
      if ("dataset" in event && event.dataset === dataset && event.phase !== "dataset") options.progress(event)
    }
    await followJob(join(this.#folder, id), { signal: options.signal, progress, owner: false }).catch(() => {})
  }

  /** The connection is gone. Says whether there is work that goes on without it; the rest is cancelled. */
  disconnect(): boolean {
    this.#batches.close()
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

  /**
   * The result of another job that prepares the same dataset, with its progress. Leaving does not end that job.
   *
   * @returns nothing when it ended without one: the work is ours then
   * @throws DatamaestroError what it failed with; INTERRUPTED when no longer wanted
   */
  async #join(other: string, request: Request, context: RequestContext): Promise<Prepared | undefined> {
    const message = `${request.id}: job ${other} prepares it already: its progress and its result follow`
    context.progress({ phase: "notice", level: "info", message })
    const result = await followJob(join(this.#folder, other), { ...context, owner: false })
    if (result.state === "lost" || result.state === "cancelled") return undefined
    outcomeOf(result)
    return await valueOf(this.#session, await resolve(this.#session, request), request.encoder)
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
        if (outcome !== SUBMITTED && !("joined" in outcome)) return outcome
        seen = true
      }
      const found = await readSpecification(folder)
      if (found.kind !== "found") throw unreadableJob(id, found)
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
      if (await hasEnded(folder)) return undefined
      const record = await JobRecord.resume(folder, "begun")
      if (record === undefined) {
        await sleep(2 * POLL)
        continue
      }
      if (!(await hasEnded(folder))) return record
      await record.end({ state: "stopped", reason: "it had ended already" })
    }
  }

  #run(
    session: AgentSession,
    { id, request, detached }: JobSpecification,
    options: { record?: JobRecord; makeRecord?: () => Promise<JobRecord | undefined>; batch?: SubmissionBatch },
  ): RunningJob {
    const { batch = new SubmissionBatch(1) } = options
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
        if (this.#allocation !== undefined) return await this.#allocation.prepare(session, request, context)
        if (slurm === undefined) return await prepareRequest(session, request, context)
        const { submitPreparation } = await import("../slurm/submit-preparation.ts")
        const begun = options.record !== undefined
        const job = { folder: join(this.#folder, id), request: { ...request, slurm }, batch, begun, detached, record }
        return await submitPreparation(session, job, context)
      },
    })
    this.#running.set(id, job)
    const forget = (): void => {
      this.#running.delete(id)
      batch.leave(id)
    }
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
}
