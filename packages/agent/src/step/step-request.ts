import type { ProgressEvent } from "@datamaestro/protocol"
import type { RepositorySource } from "../repositories/load-repository.ts"
import type { Selection } from "../resolve/variant.ts"

/** An author's step, said so that another thread can load its code anew and run it. */
export interface StepRequest {
  source: RepositorySource
  /** The definition's id, and the values of its axes. */
  definition: string
  selection: Selection
  /** The dataset's id and the resource's planned name. */
  dataset: string
  resource: string
  /** Absolute path of each input, by the resource's key. */
  input: Readonly<Record<string, string>>
  /** Absolute path that the step must write. */
  output: string
}

/** What the thread is told; `mark` is what the programs bear that it starts. */
export type ToStep = { type: "run"; request: StepRequest; mark: string } | { type: "cancel" }

/** What it answers. */
export type FromStep =
  | { type: "progress"; event: ProgressEvent }
  | { type: "done" }
  | { type: "failed"; message: string; stack: string | undefined; errno: string | undefined }
