import type { ProgressEvent, ProgressListener } from "./events.ts"

/** Lets the first event of a kind through at once, then at most one per interval, and never loses the last. */
export class ProgressCoalescer {
  readonly #interval: () => number
  readonly #send: ProgressListener
  readonly #held = new Map<string, ProgressEvent>()
  readonly #sentAt = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param interval least time between two events of one resource and phase, in milliseconds */
  constructor(interval: number | (() => number), send: ProgressListener) {
    this.#interval = typeof interval === "number" ? () => interval : interval
    this.#send = send
  }

  take(event: ProgressEvent): void {
    const key = coalescingKey(event)
    if (key === undefined) {
      // What is told once keeps its place after the counts that came before it.
      this.flush()
      this.#send(event)
      return
    }
    const now = Date.now()
    if (now - (this.#sentAt.get(key) ?? -Infinity) >= this.#interval()) {
      this.#held.delete(key)
      this.#sentAt.set(key, now)
      this.#send(event)
      return
    }
    this.#held.set(key, event)
    this.#timer ??= setTimeout(() => this.flush(), this.#interval())
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [key, event] of this.#held) {
      this.#sentAt.set(key, Date.now())
      this.#send(event)
    }
    this.#held.clear()
  }
}

/** Counts may be merged; what is told once (a retry, a notice, an end) may not. */
function coalescingKey(event: ProgressEvent): string | undefined {
  switch (event.phase) {
    case "download":
    case "copy":
    case "verify":
    case "extract":
    case "transform":
    case "step":
      return `${event.phase}\0${event.dataset}\0${event.resource}`
    case "check":
      return `${event.phase}\0${event.repository}`
    default:
      return undefined
  }
}
