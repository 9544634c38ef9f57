/**
 * Writes the state that something has by then: whoever asks while a write is under way shares the next one, so that
 * several who finish at once wait for one write and its fsync instead of one each.
 */
export class LatestWrite {
  readonly #write: (sync: boolean) => Promise<void>
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #sync = false

  constructor(write: (sync: boolean) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when all that was there at this call is written, and forced onto the disk if `sync`. */
  request(sync: boolean): Promise<void> {
    this.#sync ||= sync
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        const durable = this.#sync
        this.#sync = false
        this.#next = undefined
        return this.#write(durable)
      })
    this.#running = this.#next
    return this.#next
  }

  /** The last write that was asked for. */
  get settled(): Promise<void> {
    return this.#running
  }
}
