import { setTimeout as sleep } from "node:timers/promises"
import { sharedRun } from "../concurrency/shared-run.ts"

/** How long nothing is written after a write, in times of what that took. */
const PAUSE = 3
/** The time that may be written without a pause, in milliseconds: of a few writes each would only be waited for longer. */
const FREE = 1000

/**
 * Writes the state that something has by then: whoever asks while a write is under way shares the next one, so that
 * several who finish at once wait for one write and its fsync instead of one each. Once it has taken a second in all, writing
 * takes a quarter of the time at most, so that thousands who finish one after the other don't wait for thousands of writes that get ever longer.
 */
export class LatestWrite {
  readonly #write: (sync: boolean) => Promise<void>
  readonly #run = sharedRun(
    () => this.#timed(),
    () => this.#pause(),
  )
  #sync = false
  #again = 0
  #spent: number

  /** @param free the time that may be written without a pause, in milliseconds */
  constructor(write: (sync: boolean) => Promise<void>, free = FREE) {
    this.#write = write
    this.#spent = -free
  }

  /** Resolves when all that was there at this call is written, and forced onto the disk if `sync`. */
  async request(sync: boolean): Promise<void> {
    this.#sync ||= sync
    await this.#run()
  }

  async #pause(): Promise<void> {
    const pause = this.#again - performance.now()
    if (pause > 0) await sleep(pause)
  }

  async #timed(): Promise<void> {
    const sync = this.#sync
    this.#sync = false
    const begun = performance.now()
    try {
      await this.#write(sync)
    } finally {
      const ended = performance.now()
      this.#spent += ended - begun
      if (this.#spent > 0) this.#again = ended + PAUSE * (ended - begun)
    }
  }
}
