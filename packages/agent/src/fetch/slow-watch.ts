import type { CachePart } from "../store/cache-part.ts"
import type { FetchTuning } from "./fetch-types.ts"

const SAMPLES = 30

/**
 * Watches whether a source brings so little that another one is worth trying, though it never stalls: less than a rate
 * over a time, unless the rest would come within as long.
 */
export class SlowWatch {
  readonly #abort = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #seconds: number
  readonly #least: number
  readonly #part: () => CachePart
  /** Bytes that were there at each of the last samples. */
  readonly #samples: number[] = []

  constructor(part: () => CachePart, { slowSeconds, slowBytesPerSecond }: FetchTuning) {
    this.#part = part
    this.#seconds = slowSeconds
    this.#least = slowBytesPerSecond
    this.#timer = setInterval(() => this.#sample(), (slowSeconds * 1000) / SAMPLES)
    this.#timer.unref()
  }

  /** Aborts when the source is to be left. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** What was seen, to follow the source's name. */
  get reason(): string {
    return `it brought less than ${Math.round(this.#least / 1000)} kB a second for ${this.#seconds} seconds`
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const { written, state } = this.#part()
    // It was begun anew: what was there before says nothing of the rate.
    if (written < (this.#samples.at(-1) ?? 0)) this.#samples.length = 0
    const before = this.#samples.length < SAMPLES ? undefined : this.#samples.shift()
    this.#samples.push(written)
    if (before === undefined) return
    const brought = written - before
    const left = state.length === undefined ? Number.POSITIVE_INFINITY : state.length - written
    if (brought < this.#least * this.#seconds && left > brought) this.#abort.abort()
  }
}
