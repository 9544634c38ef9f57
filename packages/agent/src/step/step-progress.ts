import type { StepRun } from "@datamaestro/dataset"
import type { ProgressListener } from "@datamaestro/protocol"
import { inspect } from "node:util"

/** In characters: what somebody can read. */
const LONGEST = 2000

/**
 * A step's `progress`, which makes events of what an author's code tells. Of 0 / 0, or of what JavaScript lets pass for a number or
 * a text, the other end would not even take the message.
 */
export function stepProgress(
  { dataset, resource }: { dataset: string; resource: string },
  listener: ProgressListener,
): StepRun["progress"] {
  return (told: unknown, message?: unknown) => {
    const fraction = Math.min(1, Math.max(0, Number(told ?? NaN)))
    listener({
      phase: "step",
      dataset,
      resource,
      ...(Number.isNaN(fraction) ? {} : { fraction }),
      ...(message === undefined ? {} : { message: textOf(message).slice(0, LONGEST) }),
    })
  }
}

function textOf(message: unknown): string {
  return typeof message === "string" ? message : inspect(message)
}
