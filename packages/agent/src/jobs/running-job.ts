import {
  interrupted,
  isConnectionLost,
  type ProgressEvent,
  type ProgressListener,
  type Result,
} from "@datamaestro/protocol"
import type { JobEnd, JobRecord } from "./job-record.ts"
import { lastingWork } from "./lasting-work.ts"
import { ProgressSnapshot } from "./progress-snapshot.ts"

export const SUBMITTED = "submitted"
/** What becomes of the work here: its result, or that it goes on in an allocation, or that another job does it. */
export type Outcome = Result<"datasets/prepare"> | typeof SUBMITTED | { joined: string }

/** How long cancelled work may take to clean up, in milliseconds. */
const GRACE = 1200

export interface RunningJobOptions {
  id: string
  onDisconnect: "continue" | "cancel"
  /** Nobody was meant to look on. */
  detached: boolean
  /** Its folder, if it has one already. */
  record?: JobRecord | undefined
  /** Makes the folder, once there is work to be done; nothing where none can be made. */
  makeRecord(): Promise<JobRecord | undefined>
  perform(context: PerformContext): Promise<Outcome>
}

export interface PerformContext {
  signal: AbortSignal
  progress: ProgressListener
  /** The job's folder, which is made if it is not there yet. @throws DatamaestroError of the storage */
  record(): Promise<JobRecord | undefined>
}

export interface FollowOptions {
  signal: AbortSignal
  progress: ProgressListener
  /** Cancelling the following cancels the job. */
  owner: boolean
}

/** A job that this process works on. It needs nobody who looks on. */
export class RunningJob {
  readonly id: string
  readonly onDisconnect: "continue" | "cancel"
  readonly done: Promise<Outcome>
  /** Settles once the work has given back what it held, also when it was left before. */
  settled: Promise<unknown> = Promise.resolve()
  readonly #options: RunningJobOptions
  readonly #abort = new AbortController()
  readonly #listeners = new Set<ProgressListener>()
  readonly #snapshot = new ProgressSnapshot()
  #record: Promise<JobRecord | undefined> | undefined
  #made: Promise<JobRecord | undefined> | undefined
  #held: ProgressEvent[] | undefined = []
  #stopped: string | undefined
  #leave: (reason: Error) => void = () => {}

  constructor(options: RunningJobOptions) {
    this.id = options.id
    this.onDisconnect = options.onDisconnect
    this.#options = options
    if (options.record !== undefined) this.#keepRecord(Promise.resolve(options.record))
    this.done = this.#run()
    this.done.catch(() => {})
  }

  /** Whether it was asked to end. */
  get ending(): boolean {
    return this.#abort.signal.aborted
  }

  /** Ends the work for good; what is downloaded is kept. */
  cancel(): void {
    if (this.ending) return
    this.#abort.abort()
    setTimeout(() => this.#leave(interrupted()), GRACE).unref()
  }

  /** Ends the work here; the job can be resumed. */
  stop(reason: string): void {
    this.#stopped ??= reason
    this.cancel()
  }

  /** The connection that asked for it is gone. */
  async disconnected(): Promise<void> {
    const record = await this.#record
    if (!this.#options.detached) record?.message("the connection that began it was lost; the work goes on")
  }

  /** The progress so far and from now on, and the result. */
  async follow({ signal, progress, owner }: FollowOptions): Promise<Outcome> {
    for (const event of this.#snapshot.events()) progress(event)
    let onAbort = (): void => {}
    const left = new Promise<never>((_, reject) => {
      onAbort = () => {
        if (isConnectionLost(signal.reason)) return reject(signal.reason)
        if (owner) return this.cancel()
        reject(interrupted())
      }
    })
    left.catch(() => {})
    this.#listeners.add(progress)
    signal.addEventListener("abort", onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      return await Promise.race([this.done, left])
    } finally {
      signal.removeEventListener("abort", onAbort)
      this.#listeners.delete(progress)
    }
  }

  async #run(): Promise<Outcome> {
    const left = new Promise<never>((_, reject) => (this.#leave = reject))
    left.catch(() => {})
    try {
      const work = this.#options.perform({
        signal: this.#abort.signal,
        progress: (event) => this.#tell(event),
        record: async () => {
          if (this.#record === undefined) this.#keepRecord(this.#options.makeRecord())
          return await this.#made
        },
      })
      work.catch(() => {})
      this.settled = Promise.allSettled([work])
      const result = await Promise.race([work, left])
      await this.#end(endOf(result))
      return result
    } catch (error) {
      await this.#end(this.#endOfFailed(error))
      throw this.ending ? interrupted() : error
    }
  }

  #endOfFailed(error: unknown): JobEnd {
    if (this.#stopped !== undefined) return { state: "stopped", reason: this.#stopped }
    if (this.ending) return { state: "cancelled" }
    // The machine through which it downloads is gone: whoever attaches brings another.
    if (isConnectionLost(error)) return { state: "stopped", reason: (error as Error).message }
    return { state: "failed", error }
  }

  async #end(end: JobEnd): Promise<void> {
    const record = await this.#record
    await record?.end(end)
    if (this.#record !== undefined) Atomics.sub(lastingWork, 0, 1)
  }

  #tell(event: ProgressEvent): void {
    this.#snapshot.take(event)
    for (const listener of this.#listeners) listener(event)
    // What is there already, or fails before its work begins, leaves no trace.
    if (this.#record === undefined && event.phase === "dataset" && event.state === "started") {
      this.#keepRecord(this.#options.makeRecord())
    }
    if (this.#record !== undefined) this.#journal(event)
  }

  #journal(event: ProgressEvent): void {
    if (this.#held !== undefined) this.#held.push(event)
    else void this.#record?.then((record) => record?.event(event))
  }

  #keepRecord(making: Promise<JobRecord | undefined>): void {
    Atomics.add(lastingWork, 0, 1)
    this.#made = making
    this.#record = making.catch((error: unknown) => {
      const message = `This work can't be found again when the connection is lost: ${(error as Error).message}`
      this.#tell({ phase: "notice", level: "debug", message })
      return undefined
    })
    void this.#record.then((record) => {
      for (const event of this.#held ?? []) record?.event(event)
      this.#held = undefined
      record?.onCancel(() => this.cancel())
    })
  }
}

function endOf(outcome: Outcome): JobEnd {
  if (outcome === SUBMITTED) return { state: "submitted" }
  if ("joined" in outcome) return { state: "stopped", reason: `job ${outcome.joined} prepares the same dataset` }
  return { state: "done", result: outcome }
}
