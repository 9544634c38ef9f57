/** What stands before the checksum at the end of each stream, at any bit: the digits of the square root of π. */
const END_MARK = 0x177245385090n
const MARK_BITS = 48
const MARK_BYTES = 7
const CHECKSUM_BITS = 32
/** In so many bytes they lie, at whatever bit they begin. */
const WINDOW_BYTES = 11
/** How each stream begins. */
const HEADER = "BZh"
/** What follows the header with its level: the digits of π, of a block, or those of an end where there is none. */
const MARK = /^(?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)/
const BEGINNING = new RegExp(`${HEADER}[1-9](?:${MARK.source.slice(1)})`)
const LEVEL_AT = HEADER.length + 1
const BEGINNING_BYTES = LEVEL_AT + 6

/** By the second and third byte in which a mark lies, which it fills: at which bit of the first one it begins, and one. */
const BEGINS = new Uint8Array(65536)
for (let bit = 0; bit < 8; bit++) BEGINS[Number(BigInt.asUintN(16, END_MARK >> BigInt(24 + bit)))] = bit + 1

/**
 * Sees whether bytes are bzip2 streams, one behind the other, and zeros, which are padding, as of tapes. Programs pass over
 * anything else that follows a stream, lbzip2 without a word, and over all streams behind it: of one whose first bytes are damaged nobody
 * would know.
 *
 * Compressed bytes hold the mark of an end by chance, too, once in some 30 TB: only what follows tells.
 */
export class Bzip2Ends {
  #state: "between" | "stream" | "padding" | "other" = "between"
  /** The last bytes seen: of the stream, or all since the last one's end. */
  #last: Buffer = Buffer.alloc(0)
  /** A mark was seen that may have been no end: what followed it was no stream. */
  #isInDoubt = false

  /** Passes bytes on. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#see(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      yield chunk
    }
  }

  /** What is wrong, once all bytes were seen. */
  get fault(): "cut" | "more" | undefined {
    const last = this.#last
    switch (this.#state) {
      case "padding":
        return undefined
      case "other":
        return "more"
      case "between": {
        const text = last.toString("latin1", 0, HEADER.length)
        return isZero(last) ? undefined : HEADER.startsWith(text) ? "cut" : "more"
      }
      case "stream":
        // What lies at the very end fills no whole window.
        if (endOf(Buffer.concat([last, Buffer.alloc(1)])) === last.length) return undefined
        return this.#isInDoubt ? "more" : "cut"
    }
  }

  #see(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 && this.#state !== "other") {
      if (this.#state === "padding") return this.#pad(rest)
      const bytes = Buffer.concat([this.#last, rest])
      rest = this.#state === "stream" ? this.#follow(bytes) : this.#begin(bytes)
    }
  }

  #pad(bytes: Buffer): void {
    if (!isZero(bytes)) this.#state = "other"
  }

  /** Looks for the stream's end, and returns what lies behind it. */
  #follow(bytes: Buffer): Buffer {
    const end = endOf(bytes)
    // One that begins in the middle of another: then that was over before.
    if (this.#isInDoubt && BEGINNING.test(bytes.toString("latin1", 0, end))) this.#state = "other"
    else if (end !== undefined) this.#state = "between"
    this.#last = end === undefined ? bytes.subarray(1 - WINDOW_BYTES) : Buffer.alloc(0)
    return end === undefined ? Buffer.alloc(0) : bytes.subarray(end)
  }

  /** Tells by its first bytes what follows a stream. */
  #begin(bytes: Buffer): Buffer {
    this.#last = bytes
    if (bytes.length < BEGINNING_BYTES) return Buffer.alloc(0)
    const text = bytes.toString("latin1", 0, BEGINNING_BYTES)
    const isStream = text.startsWith(HEADER)
    if (isZero(bytes.subarray(0, BEGINNING_BYTES))) this.#state = "padding"
    else if (!isStream && MARK.test(text.slice(LEVEL_AT))) this.#state = "other"
    else {
      this.#state = "stream"
      this.#isInDoubt = !isStream
    }
    this.#last = Buffer.alloc(0)
    return bytes
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0)
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
