import { asDatamaestroError, interrupted, toWireError, type ProgressEvent, type Result } from "@datamaestro/protocol"
import { readdir, rm } from "node:fs/promises"
import { hostname } from "node:os"
import { basename } from "node:path"
import { tryLock, type Lock } from "../store/lock.ts"
import { makeFolder } from "../store/make-folder.ts"
import { storageError } from "../store/storage-error.ts"
import { writeAtomic } from "../store/write-atomic.ts"
import { unreadableJob } from "./job-errors.ts"
import { jobFiles } from "./job-folder.ts"
import { JOB_VERSION, type JobResult, type JobSpecification } from "./job-specification.ts"
import { JournalWriter } from "./journal.ts"
import { removeFile } from "../store/remove-file.ts"

/** How often a job looks whether it shall stop, in milliseconds. */
const LOOK = 400

/** Where a file of the job should be, somebody has put something else. */
const NO_FILE = new Set(["EISDIR", "ENOTDIR", "ENXIO", "ELOOP"])

export type JobEnd =
  | { state: "done"; result: Result<"datasets/prepare"> }
  | { state: "failed"; error: unknown }
  | { state: "cancelled" }
  /** Without a result: the work goes on elsewhere. */
  | { state: "submitted" }
  /** Without a result: somebody may resume it. */
  | { state: "stopped"; reason: string }

/** A job's folder, held by this process, which works on the job. */
export class JobRecord {
  readonly #folder: string
  readonly #lock: Lock
  readonly #journal: JournalWriter
  #timer: NodeJS.Timeout | undefined

  private constructor(folder: string, lock: Lock, journal: JournalWriter) {
    this.#folder = folder
    this.#lock = lock
    this.#journal = journal
  }

  /**
   * Makes the folder. The specification comes last: a folder without one was left by a process that died here.
   *
   * @returns nothing when another process works on a job of that id
   * @throws DatamaestroError of the storage
   */
  static async create(folder: string, specification: JobSpecification): Promise<JobRecord | undefined> {
    let record: JobRecord | undefined
    try {
      await makeFolder(folder)
      record = await JobRecord.#hold(folder, "begun")
      if (record === undefined) return undefined
      // Not forced onto the disk: after a power cut a job without a specification is one that never began.
      await writeAtomic(jobFiles(folder).specification, `${JSON.stringify(specification, null, 2)}\n`, { sync: false })
      return record
    } catch (error) {
      await record?.end({ state: "stopped", reason: "" })
      await rm(folder, { recursive: true, force: true }).catch(() => {})
      throw storageError(error, `write the job "${folder}"`)
    }
  }

  /**
   * Takes over a job whose process is gone; nothing when somebody else has it.
   *
   * @param how `begun`: it was waited for, and who has asked it to stop meanwhile still means it
   */
  static async resume(folder: string, how: "begun" | "resumed" = "resumed"): Promise<JobRecord | undefined> {
    try {
      const record = await JobRecord.#hold(folder, how)
      // A wish from before is over with the process it was meant for.
      if (record !== undefined && how === "resumed") await removeFile(jobFiles(folder).cancel)
      return record
    } catch (error) {
      // That of the lease has been told in words already.
      for (const known of [error, (error as Error).cause] as (NodeJS.ErrnoException | undefined)[]) {
        if (!NO_FILE.has(known?.code ?? "")) continue
        throw unreadableJob(basename(folder), { kind: "unreadable", reason: noFile(known) })
      }
      throw storageError(error, `resume the job "${folder}"`)
    }
  }

  static async #hold(folder: string, how: "begun" | "resumed"): Promise<JobRecord | undefined> {
    const files = jobFiles(folder)
    const lock = await tryLock(files.lease)
    if (lock === undefined) return undefined
    try {
      const record = new JobRecord(folder, lock, await JournalWriter.open(files.journal))
      record.message(`${how} by process ${process.pid} on ${hostname()}`)
      return record
    } catch (error) {
      await lock.release().catch(() => {})
      throw error
    }
  }

  event(event: ProgressEvent): void {
    this.#journal.event(event)
  }

  message(message: string): void {
    this.#journal.message(message)
  }

  /** Calls once when somebody, on whichever machine, asks the job to stop. */
  onCancel(listener: () => void): void {
    const name = basename(jobFiles(this.#folder).cancel)
    const look = async (): Promise<void> => {
      // Reading the folder, unlike asking for one file, makes NFS ask its server.
      const names = await readdir(this.#folder).catch((): string[] => [])
      if (this.#timer === undefined) return
      if (names.includes(name)) return listener()
      this.#timer = setTimeout(() => void look(), LOOK)
    }
    this.#timer = setTimeout(() => void look(), LOOK)
  }

  /**
   * Writes how it ended, then lets go. Never throws: the work itself is done, or will be resumed.
   *
   * @returns what kept the result from being written
   */
  async end(end: JobEnd): Promise<unknown> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#journal.message(describe(end))
    await this.#journal.close()
    // A job that somebody else took over while this process slept is theirs to end.
    const ended = end.state !== "stopped" && end.state !== "submitted"
    let failure: unknown
    if (ended && (await this.#lock.held().catch(() => false))) {
      const text = `${JSON.stringify(resultOf(end), null, 2)}\n`
      await writeAtomic(jobFiles(this.#folder).result, text, { sync: false }).catch(
        (error: unknown) => (failure = error),
      )
    }
    await this.#lock.release().catch(() => {})
    return failure
  }
}

function resultOf(end: Exclude<JobEnd, { state: "stopped" | "submitted" }>): JobResult {
  const ended = { version: JOB_VERSION, ended: new Date().toISOString() } as const
  if (end.state === "done") return { ...ended, state: end.state, result: end.result }
  return { ...ended, state: end.state, error: toWireError(end.state === "failed" ? end.error : cancelled()) }
}

function noFile(error: unknown): string {
  const { path } = error as NodeJS.ErrnoException
  return `${path === undefined ? "its lease" : basename(path)} is no file`
}

function cancelled(): Error {
  return interrupted("The job was cancelled")
}

function describe(end: JobEnd): string {
  if (end.state === "failed") return `failed: ${asDatamaestroError(end.error).message}`
  if (end.state === "submitted") return "handed over to Slurm"
  return end.state === "stopped" ? `stopped: ${end.reason}` : end.state
}

/**
 * Ends a job that nobody works on as cancelled; `false` when somebody does.
 *
 * @throws DatamaestroError of the storage
 */
export async function cancelLost(folder: string): Promise<boolean> {
  const record = await JobRecord.resume(folder)
  const failure = await record?.end({ state: "cancelled" })
  if (failure !== undefined) throw storageError(failure, `write "${jobFiles(folder).result}"`)
  return record !== undefined
}
