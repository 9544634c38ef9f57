import * as v from "valibot"
import { ProgressEvent } from "./events.ts"

/** A job as a person names it: its id, or the beginning of it. */
export const JobReference = v.object({ job: v.string() })

/** `lost`: its process is gone without a result, it can be resumed. `unreadable`: `detail` says why. */
export const JobState = v.picklist(["queued", "running", "done", "failed", "cancelled", "lost", "unreadable"])
export type JobState = v.InferOutput<typeof JobState>

export const JobSummary = v.object({
  id: v.string(),
  state: JobState,
  /** As asked for. */
  dataset: v.optional(v.string()),
  /** Seconds since 1970, by the clock of the machine that wrote it. */
  since: v.optional(v.number()),
  /** Where it runs or ran last. */
  host: v.optional(v.string()),
  pid: v.optional(v.number()),
  /** The newest thing it told of its progress. */
  progress: v.optional(ProgressEvent),
  /** Slurm's number of it, where it was submitted. */
  slurm: v.optional(v.string()),
  /** Why it failed, waits, or can't be read. */
  detail: v.optional(v.string()),
})
export type JobSummary = v.InferOutput<typeof JobSummary>

/** One line of a job's journal: an event of the work, or something that happened to the job itself. */
export const JobLogEntry = v.object({
  /** ISO 8601. */
  time: v.string(),
  event: v.optional(ProgressEvent),
  message: v.optional(v.string()),
})
export type JobLogEntry = v.InferOutput<typeof JobLogEntry>
