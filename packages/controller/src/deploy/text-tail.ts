/** Keeps the last bytes of a stream of text. */
export class TextTail {
  readonly #limit: number
  #bytes: Buffer = Buffer.alloc(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#limit)
  }

  get text(): string {
    return this.#bytes.toString("utf8")
  }
}
