import { setTimeout as sleep } from "node:timers/promises"

/** How long nothing is written after a write, in times of what that took. */
const PAUSE = 3

/**
 * Writes the state that something has by then: whoever asks while a write is under way shares the next one, so that
 * several who finish at once wait for one write and its fsync instead of one each. Writing takes a quarter of the time
 * at most, so that thousands who finish one after the other don't wait for thousands of writes that get ever longer.
 */
export class LatestWrite {
  readonly #write: (sync: boolean) => Promise<void>
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #sync = false
  #free = 0

  constructor(write: (sync: boolean) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when all that was there at this call is written, and forced onto the disk if `sync`. */
  request(sync: boolean): Promise<void> {
    this.#sync ||= sync
    this.#next ??= this.#running
      .catch(() => {})
      .then(async () => {
        const pause = this.#free - performance.now()
        if (pause > 0) await sleep(pause)
        const durable = this.#sync
        this.#sync = false
        this.#next = undefined
        const begun = performance.now()
        await this.#write(durable).finally(() => {
          const ended = performance.now()
          this.#free = ended + PAUSE * (ended - begun)
        })
      })
    this.#running = this.#next
    return this.#next
  }
}
