/** Ends the wait for a server that says nothing. Questions to a person stop it: they take as long as they take. */
export class LoginDeadline {
  readonly #limit: () => number
  readonly #onLate: () => void
  #timer: NodeJS.Timeout | undefined
  #asking = 0
  #over = false

  /** @param limit in milliseconds, from the last sign of life on */
  constructor(limit: () => number, onLate: () => void) {
    this.#limit = limit
    this.#onLate = onLate
  }

  restart(): void {
    clearTimeout(this.#timer)
    if (this.#over || this.#asking > 0) return
    this.#timer = setTimeout(this.#onLate, this.#limit())
  }

  /** For good. */
  stop(): void {
    this.#over = true
    clearTimeout(this.#timer)
  }

  async whileAsking<T>(question: () => Promise<T>): Promise<T> {
    this.#asking++
    clearTimeout(this.#timer)
    try {
      return await question()
    } finally {
      this.#asking--
      this.restart()
    }
  }
}
