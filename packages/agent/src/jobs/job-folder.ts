import { DatamaestroError, fromWireError, type WireError } from "@datamaestro/protocol"
import { readdir, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import * as v from "valibot"
import { NotAFile, readPlainFile } from "../store/open-plain-file.ts"
import { storageError } from "../store/storage-error.ts"
import { unreadableJob } from "./job-errors.ts"
import { JOB_VERSION, JobResult, JobSpecification } from "./job-specification.ts"

/** In bytes; a result with as many paths as a value may have is far below. */
const LARGEST = 256 * 1024 * 1024

/** The files of a job, by what they are for. */
export function jobFiles(folder: string) {
  return {
    specification: join(folder, "job.json"),
    journal: join(folder, "journal.jsonl"),
    result: join(folder, "result.json"),
    lease: join(folder, "lease"),
    /** Its existence asks the job to stop, from any machine. */
    cancel: join(folder, "cancel"),
  }
}

/** A file of a job as found: folders are edited by hand, half written, and left by other versions. */
export type Found<T> = { kind: "found"; value: T } | { kind: "missing" } | Unreadable

export interface Unreadable {
  kind: "unreadable"
  reason: string
  /** What the storage answered, where the content is not to blame. */
  cause?: unknown
  /** It may be right, and is not ours to replace: of a newer version, or not for this account to read. */
  foreign?: boolean
}

export async function readSpecification(folder: string): Promise<Found<JobSpecification>> {
  const found = await readDocument(jobFiles(folder).specification, JobSpecification)
  // A folder that was copied or renamed by hand is a job of its own.
  return found.kind === "found" ? { kind: "found", value: { ...found.value, id: basename(folder) } } : found
}

/** How the job ended; what is not for us to read is told apart from none. */
export async function findResult(folder: string): Promise<Found<JobResult>> {
  return await readDocument(jobFiles(folder).result, JobResult)
}

/**
 * How the job ended. What is no result is none: the job can be resumed, which makes a new one.
 *
 * @throws DatamaestroError UNKNOWN_JOB when a newer version wrote it, PERMISSION_DENIED
 */
export async function readResult(folder: string): Promise<JobResult | undefined> {
  const found = await findResult(folder)
  if (found.kind === "found") return found.value
  if (found.kind === "unreadable" && found.foreign === true) throw unreadableJob(basename(folder), found)
  return undefined
}

/** Whether there is a result, also one that is not for us to read. */
export async function hasEnded(folder: string): Promise<boolean> {
  const found = await findResult(folder)
  return found.kind === "found" || (found.kind === "unreadable" && found.foreign === true)
}

async function readDocument<S extends v.GenericSchema>(path: string, schema: S): Promise<Found<v.InferOutput<S>>> {
  let value: unknown
  try {
    const text = await readPlainFile(path, LARGEST)
    if (text === undefined) return { kind: "unreadable", reason: "it is larger than any that datamaestro writes" }
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof NotAFile) return { kind: "unreadable", reason: "it is no file" }
    const { code, message } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" }
    if (code === "EACCES" || code === "EPERM") {
      return { kind: "unreadable", reason: "permission denied", cause: error, foreign: true }
    }
    if (code !== undefined) return { kind: "unreadable", reason: code, cause: error }
    return { kind: "unreadable", reason: `it is no JSON: ${message}` }
  }
  const version = typeof value === "object" && value !== null && "version" in value ? value.version : undefined
  if (typeof version === "number" && version > JOB_VERSION) {
    const reason = `${basename(path)} was written by a newer datamaestro (version ${version})`
    return { kind: "unreadable", reason, foreign: true }
  }
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return { kind: "found", value: parsed.output }
  const issue = parsed.issues[0]
  return { kind: "unreadable", reason: `${v.getDotPath(issue) ?? "the document"}: ${issue.message}` }
}

/** What the job ended with. @throws DatamaestroError what it failed with; INTERRUPTED when it was cancelled */
export function outcomeOf(result: JobResult): Extract<JobResult, { state: "done" }>["result"] {
  if (result.state === "done") return result.result
  throw fromWireError(result.error as WireError)
}

/** The names of all job folders. */
export async function jobIds(jobs: string): Promise<string[]> {
  try {
    const entries = await readdir(jobs, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return []
    throw storageError(error, `read "${jobs}"`)
  }
}

/**
 * The id that a person means: itself, or the only one that begins so.
 *
 * @throws DatamaestroError UNKNOWN_JOB
 */
export async function findJob(jobs: string, reference: string): Promise<string> {
  // What can't be an id must not become a path.
  const possible = /^[a-z0-9][a-z0-9-]*$/.test(reference)
  if (possible && (await stat(join(jobs, reference)).catch(() => undefined))?.isDirectory() === true) return reference
  const matching = possible ? (await jobIds(jobs)).filter((id) => id.startsWith(reference)) : []
  if (matching[0] !== undefined && matching.length === 1) return matching[0]
  const several = matching.length > 1
  throw new DatamaestroError(
    "UNKNOWN_JOB",
    `Cannot find job "${reference}": ${several ? `${matching.length} jobs begin so` : "there is none of that id"}`,
    {
      hint: several
        ? `write more of the id: ${matching.slice(0, 5).join(", ")}`
        : "`datamaestro jobs list` shows those there are",
      details: { job: reference, folder: jobs },
    },
  )
}
