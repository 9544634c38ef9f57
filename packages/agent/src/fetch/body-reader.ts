import type { Readable } from "node:stream"

/** Received and not yet taken: enough to keep a connection busy during one write. */
const QUEUE_BYTES = 1024 * 1024

/**
 * Takes a body's chunks as they come, from the first moment on: what came before a failure is never lost, as it is in a
 * stream that is destroyed with chunks unread, and no step of the event loop is spent on each of them.
 */
export class BodyReader {
  readonly #body: Readable
  #chunks: Buffer[] = []
  #bytes = 0
  #ended = false
  #failure: { error: unknown } | undefined
  #wake = (): void => {}

  constructor(body: Readable) {
    this.#body = body
    body.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      if (this.#bytes >= QUEUE_BYTES) body.pause()
      this.#wake()
    })
    body.once("end", () => {
      this.#ended = true
      this.#wake()
    })
    body.on("error", (error: unknown) => {
      this.#failure ??= { error }
      this.#wake()
    })
    body.once("close", () => {
      if (!this.#ended) this.#failure ??= { error: Object.assign(new Error("closed"), { code: "ECONNRESET" }) }
      this.#wake()
    })
  }

  /** All that has come since; waits when there is nothing; `undefined` at the end. Throws once what came is taken. */
  async next(): Promise<Buffer[] | undefined> {
    while (this.#chunks.length === 0 && !this.#ended && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#chunks.length > 0) {
      const chunks = this.#chunks
      this.#chunks = []
      this.#bytes = 0
      this.#body.resume()
      return chunks
    }
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }
}
