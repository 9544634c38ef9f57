/** Milliseconds to create a file beyond which writers side by side are faster: a local disk takes 0.03 to 0.2. */
const SLOW_CREATION = 0.3
const SAMPLES = 15

/** Judges by the first files how long the storage takes to create one. */
export class StoragePace {
  readonly #times: number[] = []
  #slow: boolean | undefined

  /** @param slow when it is known beforehand */
  constructor(slow?: boolean) {
    this.#slow = slow
  }

  /** Operations are round trips. */
  get slow(): boolean {
    return this.#slow ?? false
  }

  /** Creates a file and remembers how long that took. */
  timed<T>(create: () => T): T {
    if (this.#slow !== undefined) return create()
    const start = performance.now()
    const result = create()
    this.#times.push(performance.now() - start)
    if (this.#times.length === SAMPLES) {
      this.#slow = (this.#times.sort((a, b) => a - b)[SAMPLES >> 1] ?? 0) > SLOW_CREATION
    }
    return result
  }
}
