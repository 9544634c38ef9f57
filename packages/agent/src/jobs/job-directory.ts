import type { JobLogEntry, JobState, JobSummary, RequestContext } from "@datamaestro/protocol"
import { access, constants } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { SlurmWatch } from "../slurm/slurm-watch.ts"
import { readLease } from "../store/lease.ts"
import { storageError } from "../store/storage-error.ts"
import { requestCancel, SLURM_GRACE } from "./follow-job.ts"
import { findJob, hasEnded, jobFiles, readResult, readSpecification } from "./job-folder.ts"
import { unreadableJob } from "./job-errors.ts"
import { cancelLost } from "./job-record.ts"
import { JournalReader } from "./journal.ts"

/** Most entries of a journal that are shown. */
const LOG_ENTRIES = 10_000
const POLL = 100
/** How long a process that was asked to stop may take until that is told, in milliseconds. */
const LATE = 5000

/** All jobs of a data directory, whoever works on them: told of and ended by their files. */
export class JobDirectory {
  /** Absolute; may not be there. */
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** @throws DatamaestroError UNKNOWN_JOB */
  async find(reference: string): Promise<string> {
    return await findJob(this.folder, reference)
  }

  async list(): Promise<JobSummary[]> {
    const { listJobs } = await import("./list-jobs.ts")
    return await listJobs(this.folder)
  }

  /** @throws DatamaestroError UNKNOWN_JOB, PERMISSION_DENIED */
  async logs(reference: string): Promise<JobLogEntry[]> {
    const job = await this.find(reference)
    const folder = join(this.folder, job)
    await access(jobFiles(folder).journal, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES") throw storageError(error, `read job "${job}"`)
    })
    // Why an allocation ended stands in the journal once somebody has asked.
    const { live } = await readLease(jobFiles(folder).lease)
    if (!live && !(await hasEnded(folder))) await new SlurmWatch(folder).look()
    return (await new JournalReader(jobFiles(folder).journal).read()).slice(-LOG_ENTRIES)
  }

  /**
   * Asks a job to stop, wherever it runs, and waits until it has; tells who does not answer.
   *
   * @param stopHere called for one that may run in this process
   */
  async cancel(
    reference: string,
    { signal, progress }: Pick<RequestContext, "signal" | "progress">,
    stopHere: (job: string) => void,
  ): Promise<{ job: string; state: JobState }> {
    const job = await this.find(reference)
    const folder = join(this.folder, job)
    const found = await readSpecification(folder)
    if (found.kind !== "found") throw unreadableJob(job, found)
    const watch = new SlurmWatch(folder)
    const began = performance.now()
    let toldSlurm = false
    let toldLate = false
    for (let asked = false; ;) {
      const { live, holder } = await readLease(jobFiles(folder).lease)
      const result = await readResult(folder)
      if (result !== undefined) return { job, state: result.state }
      const waits = !live && (await watch.look(true)).kind === "waiting"
      if (!live && !waits && (await cancelLost(folder))) continue
      if (!asked && (live || waits)) {
        asked = true
        stopHere(job)
        await requestCancel(folder)
      }
      if (!toldSlurm && (waits || performance.now() - began > SLURM_GRACE)) {
        toldSlurm = true
        await watch.cancel()
      }
      if (live && holder !== undefined && !toldLate && performance.now() - began > LATE) {
        toldLate = true
        const message = `job ${job} was asked to stop, and process ${holder.pid} on ${holder.host} has not answered yet: it, or its storage, may stand still; it stops as soon as it goes on`
        progress({ phase: "notice", level: "warning", message })
      }
      await sleep(POLL, undefined, { signal })
    }
  }
}
