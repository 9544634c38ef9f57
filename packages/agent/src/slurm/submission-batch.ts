import { interrupted, type SlurmOptions } from "@datamaestro/protocol"
import { submit, type AllocatedProgram, type Submitted } from "./submit.ts"

export interface BatchedSubmission {
  job: string
  /** The job's folder, absolute. */
  folder: string
  program: AllocatedProgram
  options: SlurmOptions
  signal: AbortSignal
}

interface Waiting {
  submission: BatchedSubmission
  settle(error: unknown, submitted?: Submitted): void
}

/**
 * Preparations that are asked for together, by one command, and submitted by one `sbatch`. Each of them either comes to
 * be submitted or leaves; once none is left to wait for, all that have come are submitted. Who comes later is submitted alone.
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
  async submit(submission: BatchedSubmission): Promise<Submitted> {
    const { job, signal } = submission
    if (signal.aborted) throw interrupted()
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        // What is being submitted this moment is cancelled once its number is known.
        if (this.#waiting.delete(job)) reject(interrupted())
      }
      signal.addEventListener("abort", onAbort, { once: true })
      const settle = (error: unknown, submitted?: Submitted): void => {
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
    const [first] = members
    if (first === undefined) return
    const { program, options } = first.submission
    try {
      const submitted = await submit(
        members.map(({ submission }) => submission.folder),
        program,
        options,
      )
      for (const [index, member] of members.entries()) member.settle(undefined, submitted[index])
    } catch (error) {
      for (const member of members) member.settle(error)
    }
  }
}
