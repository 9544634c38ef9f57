import { interrupted, type SlurmOptions } from "@datamaestro/protocol"
import { arrayLimit } from "./array-limit.ts"
import { splitArrays, type ArrayPart } from "./split-arrays.ts"
import type { AllocatedProgram, Submitted, Task } from "./submit.ts"

export interface BatchedSubmission {
  job: string
  /** The job's folder, absolute. */
  folder: string
  /** How many more tasks help with it. */
  helpers: number
  program: AllocatedProgram
  options: SlurmOptions
  signal: AbortSignal
}

interface Waiting {
  submission: BatchedSubmission
  settle(error: unknown, submitted?: Submitted & { helpers?: string[] }): void
}

/**
 * Preparations that are asked for together, by one command, and submitted by one `sbatch`, or by several where Slurm takes
 * no array that large. Each of them either comes to be submitted or leaves; once none is left to wait for, all that have
 * come are submitted. Who comes later is submitted alone.
 */
export class SubmissionBatch {
  #size: number
  readonly #announced = new Set<string>()
  readonly #settled = new Set<string>()
  readonly #waiting = new Map<string, Waiting>()

  /** @param size how many are asked for */
  constructor(size: number) {
    this.#size = size
  }

  /** Somebody asks for this one. */
  announce(job: string): void {
    this.#announced.add(job)
  }

  /** Nobody will ask for more than until now. */
  close(): void {
    this.#size = Math.min(this.#size, this.#announced.size)
    this.#submitWhenComplete()
  }

  /** That one needs no submission, or can't be submitted. */
  leave(job: string): void {
    this.#settled.add(job)
    this.#submitWhenComplete()
  }

  /**
   * Waits for the others.
   *
   * @throws DatamaestroError LAUNCHER_FAILED, for all of them; INTERRUPTED
   */
  async submit(submission: BatchedSubmission): Promise<Submitted & { helpers?: string[] }> {
    const { job, signal } = submission
    if (signal.aborted) throw interrupted()
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        // What is being submitted this moment is cancelled by whoever asked, once its number is known.
        if (this.#waiting.delete(job)) reject(interrupted())
      }
      signal.addEventListener("abort", onAbort, { once: true })
      const settle = (error: unknown, submitted?: Submitted & { helpers?: string[] }): void => {
        signal.removeEventListener("abort", onAbort)
        if (submitted === undefined) reject(error)
        else resolve(submitted)
      }
      this.#waiting.set(job, { submission, settle })
      this.#settled.add(job)
      this.#submitWhenComplete()
    })
  }

  #submitWhenComplete(): void {
    if (this.#settled.size < this.#size || this.#waiting.size === 0) return
    const members = [...this.#waiting.values()]
    this.#waiting.clear()
    void this.#submit(members)
  }

  async #submit(members: readonly Waiting[]): Promise<void> {
    const jobs = members.map(({ submission, settle }) => ({ ...submission, settle }))
    const alone = jobs.length === 1 && jobs[0]?.helpers === 0
    const arrays = splitArrays(jobs, alone ? 1 : await arrayLimit())
    let before: string | undefined
    for (const array of arrays) before = (await submitArray(array, before)) ?? before
  }
}

/**
 * @param before Slurm's number of an array that must have ended first where a width is asked for: it counts for all of them
 * @returns Slurm's number of this one; nothing when it was refused, which its jobs are told
 */
async function submitArray(
  parts: readonly ArrayPart<BatchedSubmission & Pick<Waiting, "settle">>[],
  before: string | undefined,
): Promise<string | undefined> {
  const [first] = parts
  if (first === undefined) return undefined
  const { program, options } = first.job
  try {
    // Slurm begins tasks in their order: first the jobs themselves.
    const jobs = parts.map(({ job }): Task => ({ folder: job.folder }))
    const helpers = parts.flatMap(({ job: { folder }, helpers: count }) =>
      Array.from({ length: count }, (_, index): Task => ({ folder, helper: index + 1 })),
    )
    const after = options.width === undefined ? undefined : before
    const { submit } = await import("./submit.ts")
    const submitted = await submit([...jobs, ...helpers], program, options, after)
    for (const [index, { job }] of parts.entries()) {
      const own = submitted[index]
      const theirs = helpers.flatMap(({ folder }, at) => (folder === job.folder ? [at] : []))
      const numbers = theirs.flatMap((at) => submitted[jobs.length + at]?.slurm ?? [])
      job.settle(undefined, own && (numbers.length === 0 ? own : { ...own, helpers: numbers }))
    }
    return submitted[0]?.slurm.split("_")[0]
  } catch (error) {
    for (const { job } of parts) job.settle(error)
    return undefined
  }
}
