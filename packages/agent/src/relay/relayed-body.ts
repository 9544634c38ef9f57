import { Readable } from "node:stream"
import { RELAY_WINDOW } from "@datamaestro/protocol"

export interface RelayedBodyOptions {
  /** So many bytes more may come. */
  grant(bytes: number): void
  /** Nobody reads on, though not all has come. */
  abandon(): void
}

/** The body of an answer that comes through the controller; what nobody reads holds the sender back. */
export class RelayedBody extends Readable {
  readonly #options: RelayedBodyOptions
  /** How many bytes may still come. */
  #credit = RELAY_WINDOW
  #over = false

  constructor(options: RelayedBodyOptions) {
    super({ highWaterMark: RELAY_WINDOW / 4 })
    this.#options = options
  }

  receive(bytes: Uint8Array): void {
    if (this.destroyed) return
    this.#credit -= bytes.length
    this.push(bytes)
  }

  /** The last of it: whole, or with why not. */
  finish(failure?: Error): void {
    this.#over = true
    if (failure === undefined) this.push(null)
    else this.destroy(failure)
  }

  override _read(): void {
    // Called before what is being read has left the buffer.
    queueMicrotask(() => this.#grant())
  }

  #grant(): void {
    const room = RELAY_WINDOW - this.#credit - this.readableLength
    if (this.#over || room < RELAY_WINDOW / 2) return
    this.#credit += room
    this.#options.grant(room)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#over) this.#options.abandon()
    this.#over = true
    done(error)
  }
}
