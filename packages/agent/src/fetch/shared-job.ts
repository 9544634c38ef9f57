import { unlessAborted } from "@datamaestro/protocol"
import type { AvailableEvent, JobEvent } from "./fetch-events.ts"
import type { Obtained } from "./obtain.ts"

/** One download in this process, however many wait for it; it is cancelled when the last of them gives up. */
export class SharedJob {
  readonly #abort = new AbortController()
  readonly #listeners = new Set<(event: JobEvent) => void>()
  readonly #result: Promise<Obtained>
  readonly #ended: () => void
  #available: AvailableEvent | undefined

  constructor(run: (signal: AbortSignal, emit: (event: JobEvent) => void) => Promise<Obtained>, ended: () => void) {
    this.#ended = ended
    this.#result = run(this.#abort.signal, (event) => {
      if (event.phase === "available") this.#available = event
      for (const listener of this.#listeners) listener(event)
    })
    // Each who waits sees a failure; none may be left.
    this.#result.catch(() => {})
  }

  /**
   * Waits for the result and passes it to `use`, which must take its own hold. Whoever gives up leaves the others
   * alone; the last one waits until the work has stopped, so that nothing runs on after the rejection.
   */
  async join<T>(
    signal: AbortSignal,
    listener: (event: JobEvent) => void,
    use: (obtained: Obtained) => Promise<T>,
  ): Promise<T> {
    const own = (event: JobEvent): void => listener(event)
    this.#listeners.add(own)
    if (this.#available !== undefined) own(this.#available)
    try {
      return await use(await unlessAborted(this.#result, signal))
    } finally {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) {
        this.#ended()
        this.#abort.abort()
        await this.#result.then(
          ({ hold }) => hold.release({ remove: false }),
          () => {},
        )
      }
    }
  }
}
