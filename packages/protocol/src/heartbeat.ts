import { unrefTimer } from "./unref-timer.ts"

/** How often a side that has nothing else to say says that it lives, in milliseconds. */
export const HEARTBEAT_INTERVAL = 15_000

/** A link that brought nothing for this long is dead, in milliseconds. */
export const SILENCE_LIMIT = 60_000

export interface HeartbeatOptions {
  send: () => void
  onSilence: (silentFor: number) => void
  interval?: number
  limit?: number
}

/**
 * Watches a link from one side: beats when this side has been quiet, and reports once when the other has.
 * A machine that slept wakes with a late timer, not with a silent peer: the first late tick starts over.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #interval: number
  readonly #limit: number
  readonly #timer: ReturnType<typeof setInterval>
  #heard = Date.now()
  #spoke = Date.now()
  #ticked = Date.now()

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#interval = options.interval ?? HEARTBEAT_INTERVAL
    this.#limit = options.limit ?? SILENCE_LIMIT
    this.#timer = setInterval(() => this.#tick(), Math.min(this.#interval, this.#limit) / 3)
    unrefTimer(this.#timer)
  }

  heard(): void {
    this.#heard = Date.now()
  }

  spoke(): void {
    this.#spoke = Date.now()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = Date.now()
    const late = now - this.#ticked > this.#limit / 2
    this.#ticked = now
    if (late) this.#heard = now
    if (now - this.#spoke >= this.#interval) {
      this.#spoke = now
      this.#options.send()
    }
    const silentFor = now - this.#heard
    if (silentFor < this.#limit) return
    this.stop()
    this.#options.onSilence(silentFor)
  }
}
