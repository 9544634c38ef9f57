import {
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
import { followJob, requestCancel } from "./follow-job.ts"
import { findJob, jobFiles, jobIds, outcomeOf, readResult, readSpecification } from "./job-folder.ts"
import { cancelLost, JobRecord } from "./job-record.ts"
import { JOB_VERSION, type JobSpecification } from "./job-specification.ts"
import { JournalReader } from "./journal.ts"
import { readLease } from "./lease.ts"
import { RunningJob } from "./running-job.ts"

type Prepared = Result<"datasets/prepare">
type Request = Params<"datasets/prepare">

/** How long finished jobs are listed unless the settings say otherwise. */
const KEEP_DAYS = 7
/** Most entries of a journal that are shown. */
const LOG_ENTRIES = 10_000
const POLL = 100

/** The jobs of this process, and those of others in the same data directory. */
export class JobHost {
  readonly #session: AgentSession
  readonly #running = new Map<string, RunningJob>()
  readonly #relay: Relay | undefined
  #pruned = false

  /** @param relay how requests leave through the controller, where they can */
  constructor(session: AgentSession, relay?: Relay) {
    this.#session = session
    this.#relay = relay
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
    const here = this.#running.get(id)
    if (here !== undefined) return await here.follow({ ...context, owner: true })
    const folder = join(this.#folder, id)
    if (request.job !== undefined && (await readSpecification(folder)).kind !== "missing") {
      return await this.#attach(id, context, { owner: true, relay: request.relay })
    }
    // Nobody is there any more, and nothing has begun.
    if (context.signal.aborted) throw interrupted()
    const specification = this.#specification(id, request, false)
    const job = this.#run(this.#session, specification, { makeRecord: () => this.#makeRecord(folder, specification) })
    return await job.follow({ ...context, owner: true })
  }

  /** Begins a preparation that nobody need look on; once this returns, it can be found. */
  async start(request: Request): Promise<string> {
    const id = request.job ?? newJobId()
    const folder = join(this.#folder, id)
    if (this.#running.has(id) || (await readSpecification(folder)).kind !== "missing") return id
    const specification = this.#specification(id, request, true)
    const record = await this.#makeRecord(folder, specification)
    if (record !== undefined) this.#run(this.#session, specification, { record })
    return id
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
    return (await new JournalReader(jobFiles(folder).journal).read()).slice(-LOG_ENTRIES)
  }

  /** Asks a job to stop, wherever it runs, and waits until it has. */
  async cancel(reference: string, signal: AbortSignal): Promise<{ job: string; state: JobState }> {
    const job = await findJob(this.#folder, reference)
    const folder = join(this.#folder, job)
    const found = await readSpecification(folder)
    if (found.kind !== "found") throw unreadable(job, found)
    for (let asked = false; ;) {
      const { live } = await readLease(jobFiles(folder).lease)
      const result = await readResult(folder)
      if (result !== undefined) return { job, state: result.state }
      if (!live && (await cancelLost(folder))) continue
      if (live && !asked) {
        asked = true
        this.#running.get(job)?.cancel()
        await requestCancel(folder)
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

  async #attach(
    id: string,
    context: RequestContext,
    { owner, relay }: { owner: boolean; relay: RelayMode | undefined },
  ): Promise<Prepared> {
    const folder = join(this.#folder, id)
    for (;;) {
      const here = this.#running.get(id)
      if (here !== undefined) return await here.follow({ ...context, owner })
      const found = await readSpecification(folder)
      if (found.kind !== "found") throw unreadable(id, found)
      const result = await followJob(folder, { ...context, owner })
      if (result !== "lost") return outcomeOf(result)
      const record = await JobRecord.resume(folder)
      if (record === undefined) continue
      const message = `Nobody worked on job ${id} any more: resuming it`
      context.progress({ phase: "notice", level: "info", message })
      // Only what the controller of today offers; how it was before says whether to look for another way out first.
      const mode = relay === undefined ? undefined : (found.value.request.relay ?? relay)
      const specification = { ...found.value, request: { ...found.value.request, relay: mode } }
      this.#run(await this.#session.resumed(found.value), specification, { record })
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
      perform: ({ signal, progress }) =>
        prepareRequest(session, request, {
          signal,
          progress,
          relay: this.#relay,
          followHolder: (dataset, holder, stop) => this.followHolder(dataset, holder, { signal: stop, progress }),
        }),
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
