import { interrupted, isConnectionLost, type ProgressListener } from "@datamaestro/protocol"
import { writeFile } from "node:fs/promises"
import { basename } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { SlurmWatch } from "../slurm/slurm-watch.ts"
import { storageError } from "../store/storage-error.ts"
import { jobFiles, readResult } from "./job-folder.ts"
import { cancelLost } from "./job-record.ts"
import type { JobResult } from "./job-specification.ts"
import { JournalReader } from "./journal.ts"
import { readLease, type Lease } from "../store/lease.ts"
import { ProgressSnapshot } from "./progress-snapshot.ts"

const POLL = 250
/** Every how many polls the holder's life is looked at. */
const LEASE_POLLS = 4
/** How long a process that was asked to stop may take until Slurm is told, in milliseconds. */
export const SLURM_GRACE = 2500
/** How long Slurm may take to cancel until that is told, in milliseconds: whoever has pressed Ctrl-C does not wait much longer. */
const SLURM_SLOW = 1000

export interface FollowJobOptions {
  signal: AbortSignal
  progress: ProgressListener
  /** Cancelling the following cancels the job. */
  owner: boolean
  /** So does the loss of the connection. */
  cancelOnLoss?: boolean
}

/** Nobody works on it, and it has no result. */
export interface Lost {
  state: "lost"
  /** Somebody did, or it was queued, while it was followed. */
  seen: boolean
  /** Why its allocation ended; absent where it had none. */
  why: string | undefined
}

/**
 * Follows a job that another process works on, maybe on another machine, by its files: what it has told so far in
 * short, then all that it tells.
 *
 * @returns its result, or that nobody works on it and there is none; what waits in Slurm's queue is followed too
 * @throws DatamaestroError INTERRUPTED when no longer wanted; the job goes on unless it is the owner who says so
 */
export async function followJob(folder: string, options: FollowJobOptions): Promise<JobResult | Lost> {
  const { signal, progress, owner, cancelOnLoss = false } = options
  const files = jobFiles(folder)
  const journal = new JournalReader(files.journal)
  const snapshot = new ProgressSnapshot()
  for (const { event } of await journal.read()) if (event !== undefined) snapshot.take(event)
  for (const event of snapshot.events()) progress(event)
  const watch = new SlurmWatch(folder, progress)
  let cancelling: { since: number; told: boolean } | undefined
  let seen = false
  let idle = true
  for (let poll = 0; ; poll++) {
    if (signal.aborted && cancelling === undefined) {
      if (!owner || (isConnectionLost(signal.reason) && !cancelOnLoss)) throw interrupted()
      cancelling = { since: performance.now(), told: false }
      await requestCancel(folder)
    }
    // Before the result is looked for: a holder writes it before it lets go.
    const look: boolean = poll % LEASE_POLLS === 0 || idle || cancelling !== undefined
    const lease: Lease | undefined = look ? await readLease(files.lease) : undefined
    if (lease !== undefined) idle = !lease.live
    const result = await readResult(folder)
    if (lease?.live === true) {
      seen = true
      await watch.running(lease.holder?.host)
    }
    for (const { event } of await journal.read()) if (event !== undefined) progress(event)
    if (result !== undefined) return result
    if (cancelling !== undefined && !cancelling.told) {
      const late = performance.now() - cancelling.since > SLURM_GRACE
      cancelling.told = late || lease?.live !== true
      if (cancelling.told) await cancelInSlurm(folder, watch, progress)
    }
    if (lease?.live === false) {
      const standing = await watch.look(cancelling !== undefined)
      if (standing.kind === "waiting") seen = true
      else if (cancelling !== undefined) {
        if (standing.kind === "none" || (await cancelLost(folder).catch(() => true))) throw interrupted()
      } else return { state: "lost", seen, why: standing.kind === "ended" ? standing.why : undefined }
    }
    await sleep(POLL, undefined, cancelling === undefined ? { signal } : {}).catch(() => {})
  }
}

/** Whoever cancels has left before Slurm's programs give up: what becomes of the job is told as long as he is there. */
async function cancelInSlurm(folder: string, watch: SlurmWatch, progress: ProgressListener): Promise<void> {
  const tell = (why: string): void => {
    const job = basename(folder)
    const message = `job ${job} is still in Slurm (${why}): it ends as soon as it begins there; \`datamaestro jobs cancel ${job}\` tries again`
    progress({ phase: "notice", level: "warning", message })
  }
  const slow = setTimeout(() => tell("which has not answered yet"), SLURM_SLOW)
  try {
    await watch.cancel()
  } catch (error) {
    tell((error as Error).message)
    throw error
  } finally {
    clearTimeout(slow)
  }
}

/** Asks the job to stop, wherever it runs. */
export async function requestCancel(folder: string): Promise<void> {
  await writeFile(jobFiles(folder).cancel, "").catch((error: unknown) => {
    throw storageError(error, `ask the job "${folder}" to stop`)
  })
}
