import type { ProgressEvent } from "@datamaestro/protocol"

/** What somebody who comes later must be told to see where the work stands: the last event of each dataset and resource. */
export class ProgressSnapshot {
  readonly #latest = new Map<string, ProgressEvent>()
  #count: ProgressEvent | undefined

  take(event: ProgressEvent): void {
    if (event.phase === "notice" || event.phase === "wait" || event.phase === "retry" || event.phase === "check") return
    const key = event.phase === "dataset" ? event.dataset : `${event.dataset}\0${event.resource}`
    this.#latest.delete(key)
    this.#latest.set(key, event)
    this.#count = event
  }

  /** The datasets that have begun first, since their resources belong to them; each that has ended after its resources. */
  events(): ProgressEvent[] {
    const events = [...this.#latest.values()]
    const begins = (event: ProgressEvent): boolean => event.phase === "dataset" && event.state === "started"
    return [...events.filter(begins), ...events.filter((event) => !begins(event))]
  }

  /** The newest one. */
  get newest(): ProgressEvent | undefined {
    return this.#count
  }
}
