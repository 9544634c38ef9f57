import { JournalWriter } from "../jobs/journal.ts"
import { jobFiles } from "../jobs/job-folder.ts"
import { readLastWords } from "./last-words.ts"
import type { SlurmLook } from "./look.ts"
import { writeSubmission, type Submission } from "./submission.ts"

type Ended = Extract<SlurmLook, { kind: "ended" | "forgotten" }>

/**
 * Writes down why an allocation ended without a result, once, since Slurm forgets. What the job itself has written wins:
 * it knows that it stopped for its time limit, which Slurm calls a failure.
 *
 * @returns why
 */
export async function recordEnd(folder: string, submission: Submission, look: Ended): Promise<string> {
  if (submission.ended !== undefined) return submission.ended.why
  const { state, why } = await endOf(folder, submission, look)
  // Somebody who may only read here can still be told.
  await writeSubmission(folder, { ...submission, ended: { state, why } }).catch(() => {})
  const journal = await JournalWriter.open(jobFiles(folder).journal).catch(() => undefined)
  journal?.message(`Slurm job ${submission.slurm} ended: ${why}`)
  await journal?.close()
  return why
}

/** What is known of a job where Slurm can't be asked: that it ended, if somebody has seen that. */
export function asRecorded(look: SlurmLook, { ended }: Submission): SlurmLook {
  return look.kind === "unknown" && ended !== undefined ? { kind: "ended", node: undefined, ...ended } : look
}

/** To Slurm a job that its daemon killed for memory, or that had no Node there, has merely failed. */
async function endOf(folder: string, submission: Submission, look: Ended): Promise<{ state: string; why: string }> {
  if (look.kind === "ended" && look.state !== "FAILED") return look
  const { memory, line, opened } = await readLastWords(folder, submission)
  const node = look.kind === "ended" ? look.node : undefined
  if (memory) return { state: "OUT_OF_MEMORY", why: `it ran out of memory${node === undefined ? "" : ` on ${node}`}` }
  const why = look.kind === "ended" ? look.why : "its process is gone, and Slurm no longer knows it"
  const unseen = `"${folder}" was not to be written there: compute nodes must have the data directory at the same path`
  const words = line ?? (look.kind === "ended" && !opened ? unseen : undefined)
  return { state: look.kind === "ended" ? look.state : "UNKNOWN", why: words === undefined ? why : `${why}: ${words}` }
}
