import type { ProgressEvent } from "@datamaestro/protocol"
import type { AvailableBytes } from "../pipeline-types.ts"

type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never

/** What can be read of the download by now; tells those who wait, never a person. */
export interface AvailableEvent extends AvailableBytes {
  phase: "available"
}

/** A download's events, before each of those who wait for it puts its own dataset and resource to them. */
export type JobEvent =
  | Without<
      Extract<ProgressEvent, { phase: "download" | "retry" | "wait" | "verify" | "notice" }>,
      "dataset" | "resource"
    >
  | AvailableEvent

/** The event for one of those who wait. */
export function addressed(event: Exclude<JobEvent, AvailableEvent>, dataset: string, resource: string): ProgressEvent {
  return event.phase === "notice" ? event : { ...event, dataset, resource }
}

/** Lets at most ten calls a second through, and all whose value is final. */
export function throttled<T>(call: (value: T) => void): (value: T, final?: boolean) => void {
  let last = Number.NEGATIVE_INFINITY
  return (value, final = false) => {
    const now = performance.now()
    if (!final && now - last < 100) return
    last = now
    call(value)
  }
}
