import type { ProgressListener } from "@datamaestro/protocol"
import { join } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import type { Relay } from "../fetch/way-out.ts"
import { prepareRequest } from "../prepare-request.ts"
import type { Allocation } from "../slurm/allocation.ts"
import { SubmissionBatch } from "../slurm/submission-batch.ts"
import { followJob } from "./follow-job.ts"
import { jobOfHolder } from "./job-of-holder.ts"
import { JobRecord } from "./job-record.ts"
import type { JobSpecification } from "./job-specification.ts"
import { RunningJob } from "./running-job.ts"

/** How long finished jobs are listed unless the settings say otherwise. */
const KEEP_DAYS = 7

export interface RunningJobsOptions {
  /** How requests leave through the controller, where they can. */
  relay?: Relay
  /** In which this process runs, to work on one job. */
  allocation?: Allocation
}

/** The jobs that this process works on. */
export class RunningJobs {
  readonly #session: AgentSession
  readonly #allocation: Allocation | undefined
  readonly #running = new Map<string, RunningJob>()
  readonly #relay: Relay | undefined
  #pruned = false

  constructor(session: AgentSession, { relay, allocation }: RunningJobsOptions = {}) {
    this.#session = session
    this.#relay = relay
    this.#allocation = allocation
  }

  /** Where the folders of all jobs are, absolute. */
  get folder(): string {
    return join(this.#session.paths.data, "jobs")
  }

  has(id: string): boolean {
    return this.#running.has(id)
  }

  get(id: string): RunningJob | undefined {
    return this.#running.get(id)
  }

  /** Begins the work on a job, and keeps it until it has ended. */
  run(
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
            this.#followHolder(dataset, holder, { signal: stop, progress }),
        }
        const { slurm } = request
        if (this.#allocation !== undefined) return await this.#allocation.prepare(session, request, context)
        if (slurm === undefined) return await prepareRequest(session, request, context)
        const { submitPreparation } = await import("../slurm/submit-preparation.ts")
        const begun = options.record !== undefined
        const job = { folder: join(this.folder, id), request: { ...request, slurm }, batch, begun, detached, record }
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

  /** The folder of a new job; nothing where somebody else has it. */
  async makeRecord(folder: string, specification: JobSpecification): Promise<JobRecord | undefined> {
    const record = await JobRecord.create(folder, specification)
    if (!this.#pruned) {
      this.#pruned = true
      void this.#prune().catch(() => {})
    }
    return record
  }

  /**
   * While another process prepares a dataset that this one waits for: its progress, if it is a job.
   *
   * @param holder of the dataset's lock, as messages call it
   */
  async #followHolder(
    dataset: string,
    holder: string,
    options: { signal: AbortSignal; progress: ProgressListener },
  ): Promise<void> {
    const id = await jobOfHolder(this.folder, dataset, holder, (job) => this.#running.has(job))
    if (id === undefined) return
    const message = `${dataset}: job ${id} prepares it: its progress follows`
    options.progress({ phase: "notice", level: "info", message })
    const progress: ProgressListener = (event) => {
      if ("dataset" in event && event.dataset === dataset && event.phase !== "dataset") options.progress(event)
    }
    await followJob(join(this.folder, id), { signal: options.signal, progress, owner: false }).catch(() => {})
  }

  /** The connection that asked for them is gone. Says whether there is work that goes on without it; the rest is cancelled. */
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

  async #prune(): Promise<void> {
    const { job_days: days = KEEP_DAYS } = await this.#session.settings()
    const { pruneJobs } = await import("./prune-jobs.ts")
    await pruneJobs(this.folder, days)
  }
}
