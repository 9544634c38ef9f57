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
  /** Why no more comes; told once what came before is read. */
  #failure: Error | undefined

  constructor(options: RelayedBodyOptions) {
    super({ highWaterMark: RELAY_WINDOW / 4 })
    this.#options = options
  }

  receive(bytes: Uint8Array): void {
    if (this.destroyed) return
    this.#credit -= bytes.length
    this.push(bytes)
  }

  /** The last of it: whole, or with why not, which whoever reads is told after what came. */
  finish(failure?: Error): void {
    this.#over = true
    if (failure === undefined) this.push(null)
    else if (this.readableLength === 0 && this.#isAwaited) this.destroy(failure)
    // All of an answer may come at once, before its reader is there: destroyed now, it would tell nobody.
    else this.#failure = failure
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    if (this.#failure !== undefined && this.readableLength === 0) this.destroy(this.#failure)
    return chunk
  }

  /** Somebody has read all there is, and is told when there is more. */
  get #isAwaited(): boolean {
    return this.readableFlowing === true || this.listenerCount("readable") > 0
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
