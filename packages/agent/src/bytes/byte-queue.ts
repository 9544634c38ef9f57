/** Bytes of a stream, held until they are used: for formats that are read by their structure. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** What is held, contiguous; valid until the next call. */
  get bytes(): Buffer {
    return this.#held
  }

  /** Holds at least `count` bytes; false when the stream ends before that. */
  async fill(count: number): Promise<boolean> {
    if (this.#held.length >= count) return true
    const chunks: Uint8Array[] = [this.#held]
    let length = this.#held.length
    while (!this.#ended && length < count) {
      const { value, done } = await this.#source.next()
      if (done === true) {
        this.#ended = true
        break
      }
      chunks.push(value)
      length += value.length
    }
    if (chunks.length > 1) this.#held = Buffer.concat(chunks, length)
    return length >= count
  }

  /** Uses up bytes that are held. */
  skip(count: number): void {
    this.#held = this.#held.subarray(count)
  }

  /** The first bytes, taken out of the queue. */
  take(count: number): Buffer {
    const bytes = this.#held.subarray(0, count)
    this.skip(count)
    return bytes
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.()
  }
}
