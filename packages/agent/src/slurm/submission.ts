import { join } from "node:path"
import * as v from "valibot"
import { readPlainFile } from "../store/open-plain-file.ts"
import { writeAtomic } from "../store/write-atomic.ts"

/** `slurm.json` in a job's folder: how it was submitted the last time. */
export const Submission = v.looseObject({
  version: v.literal(1),
  /** Slurm's number: `12`, or `12_3` in an array. */
  slurm: v.pipe(v.string(), v.regex(/^\d+(_\d+)?$/, "is no number of Slurm's")),
  /** ISO 8601. */
  submitted: v.string(),
  /** From where. */
  host: v.string(),
  /** The dataset's full id with variant, and its repository. */
  dataset: v.string(),
  repository: v.string(),
  /** Where Slurm's daemon on the node prints, unless it is `slurm.out`. */
  output: v.optional(v.string()),
  /** So many bytes of `slurm.out` were there before. */
  printed: v.optional(v.number()),
  /** Slurm's numbers of those that help with it. */
  helpers: v.optional(v.array(v.pipe(v.string(), v.regex(/^\d+_\d+$/)))),
  /** How the allocation ended, as far as anybody saw. */
  ended: v.optional(v.object({ state: v.string(), why: v.string() })),
})
export type Submission = v.InferOutput<typeof Submission>

const pathOf = (folder: string): string => join(folder, "slurm.json")

/** Nothing where the job was never submitted, or the file makes no sense. */
export async function readSubmission(folder: string): Promise<Submission | undefined> {
  try {
    const parsed = v.safeParse(Submission, JSON.parse(await readPlainFile(pathOf(folder))))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

export async function writeSubmission(folder: string, submission: Submission): Promise<void> {
  await writeAtomic(pathOf(folder), `${JSON.stringify(submission, null, 2)}\n`, { sync: false })
}
