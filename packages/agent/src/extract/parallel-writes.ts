/** Operations under way at once: what a network file system answers side by side. */
const MOST_WRITES = 16
/** Bytes of file contents that wait to be written. */
const MOST_BYTES = 32 * 1024 * 1024

/** Writes that run side by side, for storage where each operation is a round trip. */
export class ParallelWrites {
  readonly #running = new Map<string, Promise<void>>()
  #bytes = 0
  #failure: { error: unknown } | undefined
  #ended: () => void = () => {}

  /** Begins a write of `key`, after the one of that key that is still under way and those of `after`. */
  start(key: string, bytes: number, after: readonly string[], write: () => Promise<void>): void {
    const before = [key, ...after].flatMap((name) => this.#running.get(name) ?? [])
    this.#bytes += bytes
    const running = Promise.all(before)
      .then(() => (this.#failure === undefined ? write() : undefined))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#bytes -= bytes
        if (this.#running.get(key) === running) this.#running.delete(key)
        this.#ended()
      })
    this.#running.set(key, running)
  }

  has(key: string): boolean {
    return this.#running.has(key)
  }

  /** Rejects with the first failure; waits while too much is under way. */
  room(): Promise<void> | undefined {
    if (this.#failure === undefined && !this.#full()) return undefined
    return this.#room()
  }

  /** Waits for all that was begun. */
  async settle(): Promise<void> {
    await Promise.all(this.#running.values())
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #full(): boolean {
    return this.#running.size >= MOST_WRITES || this.#bytes >= MOST_BYTES
  }

  async #room(): Promise<void> {
    while (this.#failure === undefined && this.#full()) await new Promise<void>((resolve) => (this.#ended = resolve))
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
