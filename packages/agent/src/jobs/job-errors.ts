import { DatamaestroError } from "@datamaestro/protocol"
import { storageError } from "../store/storage-error.ts"
import type { Unreadable } from "./job-folder.ts"

export function unreadableJob(id: string, found: { kind: "missing" } | Unreadable): DatamaestroError {
  const cause = found.kind === "unreadable" ? found.cause : undefined
  const path = (cause as NodeJS.ErrnoException | undefined)?.path
  const storage = storageError(cause, path === undefined ? `read job "${id}"` : `read "${path}"`)
  if (storage instanceof DatamaestroError) return storage
  const reason = found.kind === "missing" ? "its job.json is missing" : found.reason
  return new DatamaestroError("UNKNOWN_JOB", `Cannot read job "${id}": ${reason}`, {
    hint:
      found.kind === "unreadable" && found.foreign === true
        ? "use that version, or prepare its dataset again: what is downloaded is kept"
        : "prepare its dataset again: what is downloaded is kept; the job's folder can be removed",
    details: { job: id },
  })
}

export function allocationEnded(id: string, why: string): DatamaestroError {
  return new DatamaestroError("ALLOCATION_ENDED", `Cannot finish job ${id} in its Slurm allocation: ${why}`, {
    hint: `what is done is kept: \`datamaestro jobs attach ${id}\` submits it again, as it was; for more time or memory change "slurm" in user.json and prepare it anew`,
    details: { job: id },
  })
}
