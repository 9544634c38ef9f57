/** What stands before the checksum at the end of each stream, at any bit: the digits of the square root of π. */
const END_MARK = 0x177245385090n
const MARK_BITS = 48
const MARK_BYTES = 7
const CHECKSUM_BITS = 32
/** In so many bytes they lie, at whatever bit they begin. */
const WINDOW_BYTES = 11
/** How each stream begins. */
const HEADER = Buffer.from("BZh")

/** By the second and third byte in which a mark lies, which it fills: at which bit of the first one it begins, and one. */
const BEGINS = new Uint8Array(65536)
for (let bit = 0; bit < 8; bit++) BEGINS[Number(BigInt.asUintN(16, END_MARK >> BigInt(24 + bit)))] = bit + 1

/**
 * Sees whether bytes are bzip2 streams, one behind the other, and zeros, which are padding, as of tapes. Programs pass over
 * anything else that follows a stream, lbzip2 without a word, and over all streams behind it: of one whose first bytes are damaged nobody
 * would know.
 */
export class Bzip2Ends {
  /** The bytes before those that come. */
  #before = Buffer.alloc(0)
  /** How many bytes of a header were seen; where a stream has ended, 0. */
  #header = 0
  #isPadded = false
  /** What is neither. */
  #isOther = false

  /** Passes bytes on. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#see(chunk)
      yield chunk
    }
    // What lies at the very end fills no whole window.
    const end = this.#isInStream ? endOf(Buffer.concat([this.#before, Buffer.alloc(1)])) : undefined
    if (end === this.#before.length) this.#header = 0
  }

  /** What is wrong, once all bytes were seen. */
  get fault(): "cut" | "more" | undefined {
    if (this.#isOther) return "more"
    return this.#header === 0 ? undefined : "cut"
  }

  get #isInStream(): boolean {
    return this.#header === HEADER.length
  }

  #see(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    while (rest.length > 0 && !this.#isOther) {
      if (!this.#isInStream) {
        this.#begin(rest[0] ?? 0)
        rest = rest.subarray(1)
        continue
      }
      const bytes = Buffer.concat([this.#before, rest])
      const end = endOf(bytes)
      this.#before = end === undefined ? bytes.subarray(1 - WINDOW_BYTES) : Buffer.alloc(0)
      if (end === undefined) return
      this.#header = 0
      rest = bytes.subarray(end)
    }
  }

  #begin(byte: number): void {
    if (!this.#isPadded && byte === HEADER[this.#header]) this.#header++
    else if (this.#header === 0 && byte === 0) this.#isPadded = true
    else this.#isOther = true
  }
}

/** Where the first stream in it ends, that ends in it. */
function endOf(bytes: Buffer): number | undefined {
  for (let at = 0; at + WINDOW_BYTES <= bytes.length; at++) {
    const bit = (BEGINS[((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)] ?? 0) - 1
    if (bit < 0) continue
    const mark = BigInt(`0x${bytes.toString("hex", at, at + MARK_BYTES)}`) >> BigInt(MARK_BYTES * 8 - MARK_BITS - bit)
    if (BigInt.asUintN(MARK_BITS, mark) === END_MARK) return at + Math.ceil((bit + MARK_BITS + CHECKSUM_BITS) / 8)
  }
  return undefined
}
