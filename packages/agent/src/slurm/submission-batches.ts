import type { Params } from "@datamaestro/protocol"
import { SubmissionBatch } from "./submission-batch.ts"

/** The batches of one connection, by the id that the controller gave them. */
export class SubmissionBatches {
  readonly #batches = new Map<string, SubmissionBatch>()

  /** That of a request; one of its own for what is asked for alone. */
  announce({ batch }: Pick<Params<"datasets/prepare">, "batch">, job: string): SubmissionBatch {
    if (batch === undefined) return new SubmissionBatch(1)
    const found = this.#batches.get(batch.id) ?? new SubmissionBatch(batch.size)
    this.#batches.set(batch.id, found)
    found.announce(job)
    return found
  }

  /** Nobody is there any more who could ask for the rest. */
  close(): void {
    for (const batch of this.#batches.values()) batch.close()
  }
}
