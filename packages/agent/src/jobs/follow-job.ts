import { DatamaestroError, interrupted, type ProgressListener } from "@datamaestro/protocol"
import { writeFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { storageError } from "../store/storage-error.ts"
import { jobFiles, readResult } from "./job-folder.ts"
import type { JobResult } from "./job-specification.ts"
import { JournalReader } from "./journal.ts"
import { readLease } from "./lease.ts"
import { ProgressSnapshot } from "./progress-snapshot.ts"

const POLL = 250
/** Every how many polls the holder's life is looked at. */
const LEASE_POLLS = 4

export interface FollowJobOptions {
  signal: AbortSignal
  progress: ProgressListener
  /** Cancelling the following cancels the job. */
  owner: boolean
}

/**
 * Follows a job that another process works on, maybe on another machine, by its files: what it has told so far in
 * short, then all that it tells.
 *
 * @returns its result, or `lost` when nobody works on it and there is none
 * @throws DatamaestroError INTERRUPTED when no longer wanted; the job goes on unless it is the owner who says so
 */
export async function followJob(folder: string, options: FollowJobOptions): Promise<JobResult | "lost"> {
  const { signal, progress, owner } = options
  const files = jobFiles(folder)
  const journal = new JournalReader(files.journal)
  const snapshot = new ProgressSnapshot()
  for (const { event } of await journal.read()) if (event !== undefined) snapshot.take(event)
  for (const event of snapshot.events()) progress(event)
  let cancelling = false
  for (let poll = 0; ; poll++) {
    if (signal.aborted && !cancelling) {
      if (!owner || isLoss(signal.reason)) throw interrupted()
      cancelling = true
      await requestCancel(folder)
    }
    // Before the result is looked for: a holder writes it before it lets go.
    const live = poll % LEASE_POLLS !== 0 || (await readLease(files.lease)).live
    const result = await readResult(folder)
    for (const { event } of await journal.read()) if (event !== undefined) progress(event)
    if (result !== undefined) return result
    if (!live) {
      if (cancelling) throw interrupted()
      return "lost"
    }
    await sleep(POLL, undefined, cancelling ? {} : { signal }).catch(() => {})
  }
}

/** Asks the job to stop, wherever it runs. */
export async function requestCancel(folder: string): Promise<void> {
  await writeFile(jobFiles(folder).cancel, "").catch((error: unknown) => {
    throw storageError(error, `ask the job "${folder}" to stop`)
  })
}

function isLoss(reason: unknown): boolean {
  return reason instanceof DatamaestroError && reason.code === "CONNECTION_LOST"
}
