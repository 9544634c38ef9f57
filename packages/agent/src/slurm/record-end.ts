import { JournalWriter } from "../jobs/journal.ts"
import { jobFiles } from "../jobs/job-folder.ts"
import type { SlurmLook } from "./look.ts"
import { writeSubmission, type Submission } from "./submission.ts"

/**
 * Writes down why an allocation ended without a result, once, since Slurm forgets. What the job itself has written wins:
 * it knows that it stopped for its time limit, which Slurm calls a failure.
 *
 * @returns why
 */
export async function recordEnd(
  folder: string,
  submission: Submission,
  look: Extract<SlurmLook, { kind: "ended" | "forgotten" }>,
): Promise<string> {
  if (submission.ended !== undefined) return submission.ended.why
  const { state, why } =
    look.kind === "ended" ? look : { state: "UNKNOWN", why: "its process is gone, and Slurm no longer knows it" }
  // Somebody who may only read here can still be told.
  await writeSubmission(folder, { ...submission, ended: { state, why } }).catch(() => {})
  const journal = await JournalWriter.open(jobFiles(folder).journal).catch(() => undefined)
  journal?.message(`Slurm job ${submission.slurm} ended: ${why}`)
  await journal?.close()
  return why
}
