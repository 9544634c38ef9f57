import {
  interrupted,
  newJobId,
  type Params,
  type RelayMode,
  type RequestContext,
  type Result,
} from "@datamaestro/protocol"
import { access } from "node:fs/promises"
import { join } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import type { Relay } from "../fetch/way-out.ts"
import { requireReady, resolve, valueOf } from "../prepare-request.ts"
import type { SubmissionBatch } from "../slurm/submission-batch.ts"
import { SubmissionBatches } from "../slurm/submission-batches.ts"
import { followJob } from "./follow-job.ts"
import { JobDirectory } from "./job-directory.ts"
import { allocationEnded, unreadableJob } from "./job-errors.ts"
import { outcomeOf, readSpecification } from "./job-folder.ts"
import { JobRecord } from "./job-record.ts"
import type { JobSpecification } from "./job-specification.ts"
import { newSpecification } from "./new-specification.ts"
import { SUBMITTED } from "./running-job.ts"
import { RunningJobs } from "./running-jobs.ts"

type Prepared = Result<"datasets/prepare">
type Request = Params<"datasets/prepare">

/** What a controller asks of jobs: of those of this process, and of others in the same data directory. */
export class JobHost {
  readonly #session: AgentSession
  readonly #running: RunningJobs
  readonly #batches = new SubmissionBatches()

  /** @param relay how requests leave through the controller, where they can */
  constructor(session: AgentSession, relay?: Relay) {
    this.#session = session
    this.#running = new RunningJobs(session, relay === undefined ? {} : { relay })
  }

  /** Those of all processes. */
  get directory(): JobDirectory {
    return new JobDirectory(this.#running.folder)
  }

  /**
   * Prepares a dataset in the foreground. The work survives the connection; whoever asks again for the job of that id
   * finds it, running or ended. Cancelling ends it.
   */
  async prepare(request: Request, context: RequestContext): Promise<Prepared> {
    const id = request.job ?? newJobId()
    const folder = join(this.#running.folder, id)
    const batch = this.#batches.announce(request, id)
    if (this.#running.has(id) || (request.job !== undefined && (await isBegun(id, folder)))) {
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
      const makeRecord = (): Promise<JobRecord | undefined> => this.#running.makeRecord(folder, specification)
      const job = this.#running.run(this.#session, specification, { makeRecord, batch })
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
  async start(request: Request, signal: AbortSignal): Promise<string> {
    // A misspelt id is told here and now; a job is for what takes its time. Slurm's way tells it before it submits.
    if (request.slurm === undefined) await requireReady(this.#session, request, signal)
    const id = request.job ?? newJobId()
    const folder = join(this.#running.folder, id)
    const batch = this.#batches.announce(request, id)
    if (this.#running.has(id) || (await isBegun(id, folder))) {
      batch.leave(id)
      return id
    }
    const specification = newSpecification(this.#session, { id, request, detached: true })
    if (request.slurm !== undefined) return await this.#startInSlurm(specification, request.slurm, batch)
    const record = await this.#running.makeRecord(folder, specification)
    if (record !== undefined) this.#running.run(this.#session, specification, { record })
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
      const record = await this.#running.makeRecord(join(this.#running.folder, id), specification)
      findable()
      return record
    }
    const job = this.#running.run(this.#session, specification, { makeRecord, batch })
    // That Slurm refuses it is told here and now, unless that comes after a long download.
    const outcome = await (slurm.fetch === "login" ? Promise.race([job.done, found]) : job.done)
    return typeof outcome === "object" && "joined" in outcome ? outcome.joined : id
  }

  /** @throws DatamaestroError UNKNOWN_JOB; what the job ended with; INTERRUPTED when no longer wanted, the job goes on */
  async attach({ job, relay }: Params<"jobs/attach">, context: RequestContext): Promise<Prepared> {
    return await this.#attach(await this.directory.find(job), context, { owner: false, relay })
  }

  /** Asks a job to stop, wherever it runs, and waits until it has. */
  async cancel(reference: string, context: RequestContext): Promise<Result<"jobs/cancel">> {
    return await this.directory.cancel(reference, context, (job) => this.#running.get(job)?.cancel())
  }

  /** The connection is gone. Says whether there is work that goes on without it; the rest is cancelled. */
  disconnect(): boolean {
    this.#batches.close()
    return this.#running.disconnect()
  }

  /** Ends all work here; the jobs can be resumed. */
  stop(reason: string): void {
    this.#running.stop(reason)
  }

  /** Settles when no work is left. */
  async idle(): Promise<void> {
    await this.#running.idle()
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
    const result = await followJob(join(this.#running.folder, other), { ...context, owner: false })
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
    const folder = join(this.#running.folder, id)
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
      this.#running.run(await this.#session.resumed(found.value), specification, { record })
    }
  }
}

/** @throws DatamaestroError of the storage, which does not say */
async function isBegun(id: string, folder: string): Promise<boolean> {
  const found = await readSpecification(folder)
  if (found.kind === "unreadable" && found.cause !== undefined) {
    if (found.foreign !== true) throw unreadableJob(id, found)
    // Nothing of this account's has begun where it may not even look.
    return await access(folder).then(
      () => true,
      ({ code }: NodeJS.ErrnoException) => code !== "EACCES",
    )
  }
  return found.kind !== "missing"
}
