import type { StepRun } from "@datamaestro/dataset"
import type { ProgressListener } from "@datamaestro/protocol"

/** A step's `progress`, which makes events of what an author's code tells. */
export function stepProgress(
  { dataset, resource }: { dataset: string; resource: string },
  listener: ProgressListener,
): StepRun["progress"] {
  return (fraction, message) =>
    listener({
      phase: "step",
      dataset,
      resource,
      ...(fraction === undefined ? {} : { fraction: Math.min(1, Math.max(0, fraction)) }),
      ...(message === undefined ? {} : { message }),
    })
}
