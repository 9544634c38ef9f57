import { ENTRY, PrefixCode } from "./prefix-code.ts"

const WINDOW_BYTES = 64 * 1024
const CHUNK_BYTES = 1024 * 1024
const MOST_LENGTH = 3 + 0xffff
/** More than what the description of a block's codes takes: so many bytes are there before anything is begun. */
const AHEAD_BYTES = 1024

/** What a match's length begins at and how many bits are added, by symbol from 257 on: as in deflate but for the last one. */
const LENGTHS = ranges([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 32], 3)
LENGTHS.bases.push(3)
LENGTHS.extras.push(16)
/** The same of its distance, with two symbols more than deflate has. */
const DISTANCES = ranges(
  Array.from({ length: 32 }, (_, symbol) => 1 << Math.max(0, (symbol >>> 1) - 1)),
  1,
)
const END_SYMBOL = 256
/** RFC 1951, 3.2.7: the order in which the lengths of the codes for code lengths come. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

function ranges(widths: readonly number[], first: number): { bases: number[]; extras: number[] } {
  let base = first
  const bases = widths.map((width) => (base += width) - width)
  return { bases, extras: widths.map((width) => Math.log2(width)) }
}

/** There are fewer bytes than its blocks need. */
export class EndOfInput extends RangeError {}

/**
 * The decoder of Deflate64: deflate (RFC 1951) with a window of 64 KiB and matches of up to 65538 bytes. It is given bytes
 * as they come, and gives what it has so far. Faults are RangeErrors.
 */
export class Deflate64Stream {
  readonly #out = Buffer.allocUnsafeSlow(WINDOW_BYTES + CHUNK_BYTES + MOST_LENGTH)
  #at = WINDOW_BYTES
  #taken = WINDOW_BYTES
  /** Before it there is nothing that a match could mean. */
  #first = WINDOW_BYTES
  #input: Uint8Array = new Uint8Array(0)
  #position = 0
  #hold = 0
  #bits = 0
  #block: "header" | "stored" | "codes" = "header"
  #last = false
  #stored = 0
  #literals = FIXED_LITERALS
  #distances = FIXED_DISTANCES

  /** Its last block was read. */
  get ended(): boolean {
    return this.#last && this.#block === "header"
  }

  /**
   * Decodes what it can and has room for; `take` before the next call.
   *
   * @param more whether something follows `input`
   * @returns how many bytes of `input` it does not need to see again
   */
  decode(input: Uint8Array, more: boolean): number {
    this.#input = input
    this.#position = 0
    while (!this.ended && this.#at < WINDOW_BYTES + CHUNK_BYTES) {
      if (more ? this.#position + AHEAD_BYTES > input.length : this.overran(input)) break
      if (this.#block === "header") this.#readHeader()
      else if (this.#block === "stored") this.#copyStored()
      else this.#readCodes(more)
    }
    if (!more && this.overran(input)) throw new EndOfInput()
    return Math.min(this.#position, input.length)
  }

  /** Whether more bits were used than there are. */
  overran(input: Uint8Array): boolean {
    return this.#position - (this.#bits >>> 3) > input.length
  }

  /** What was decoded, valid until the next call. */
  take(): Buffer {
    const plain = this.#out.subarray(this.#taken, this.#at)
    this.#taken = this.#at
    if (this.#at < WINDOW_BYTES + CHUNK_BYTES) return plain
    const copy = Buffer.from(plain)
    const moved = this.#at - WINDOW_BYTES
    this.#out.copyWithin(0, moved, this.#at)
    this.#first = Math.max(0, this.#first - moved)
    this.#at = this.#taken = WINDOW_BYTES
    return copy
  }

  #readHeader(): void {
    this.#last = this.#take(1) === 1
    const type = this.#take(2)
    if (type === 3) throw new RangeError("a block has an unknown type")
    if (type === 0) {
      this.#take(this.#bits & 7)
      this.#stored = this.#take(16)
      if ((this.#stored ^ this.#take(16)) !== 0xffff) throw new RangeError("a block's lengths contradict each other")
      this.#block = "stored"
      return
    }
    this.#literals = FIXED_LITERALS
    this.#distances = FIXED_DISTANCES
    if (type === 2) this.#readTables()
    this.#block = "codes"
  }

  #readTables(): void {
    const literals = this.#take(5) + 257
    const distances = this.#take(5) + 1
    const count = this.#take(4) + 4
    const meta = new Uint8Array(LENGTHS_ORDER.length)
    for (const symbol of LENGTHS_ORDER.slice(0, count)) meta[symbol] = this.#take(3)
    const code = new PrefixCode(meta)
    const lengths = new Uint8Array(literals + distances)
    for (let at = 0; at < lengths.length;) {
      const symbol = this.#symbol(code)
      if (symbol < 16) {
        lengths[at++] = symbol
        continue
      }
      if (symbol === 16 && at === 0) throw new RangeError("a code length repeats none")
      const repeated = symbol === 16 ? (lengths[at - 1] ?? 0) : 0
      const times = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7)
      if (at + times > lengths.length) throw new RangeError("there are too many code lengths")
      lengths.fill(repeated, at, at + times)
      at += times
    }
    this.#literals = new PrefixCode(lengths.subarray(0, literals))
    this.#distances = new PrefixCode(lengths.subarray(literals))
  }

  #copyStored(): void {
    // Some bytes may be among the bits that are held.
    for (; this.#bits > 0 && this.#stored > 0; this.#stored--) {
      this.#out[this.#at++] = this.#hold & 0xff
      this.#hold >>>= 8
      this.#bits -= 8
    }
    const room = WINDOW_BYTES + CHUNK_BYTES + MOST_LENGTH - this.#at
    const count = Math.min(this.#stored, room, this.#input.length - this.#position)
    if (count <= 0 && this.#stored > 0) throw new EndOfInput()
    this.#out.set(this.#input.subarray(this.#position, this.#position + count), this.#at)
    this.#position += count
    this.#at += count
    this.#stored -= count
    if (this.#stored === 0) this.#block = "header"
  }

  #readCodes(more: boolean): void {
    const end = more ? this.#input.length - AHEAD_BYTES : Infinity
    while (this.#at < WINDOW_BYTES + CHUNK_BYTES && this.#position <= end) {
      if (!more && this.overran(this.#input)) return
      const symbol = this.#symbol(this.#literals)
      if (symbol < END_SYMBOL) this.#out[this.#at++] = symbol
      else if (symbol > END_SYMBOL) this.#copyMatch(symbol - END_SYMBOL - 1)
      else if (symbol === END_SYMBOL) {
        this.#block = "header"
        return
      }
    }
  }

  #copyMatch(index: number): void {
    const length = (LENGTHS.bases[index] ?? NaN) + this.#take(LENGTHS.extras[index] ?? 0)
    const symbol = this.#symbol(this.#distances)
    const distance = (DISTANCES.bases[symbol] ?? NaN) + this.#take(DISTANCES.extras[symbol] ?? 0)
    const from = this.#at - distance
    if (!(from >= this.#first) || Number.isNaN(length)) throw new RangeError("it repeats what was not there")
    if (distance >= length) this.#out.copyWithin(this.#at, from, from + length)
    else if (distance === 1) this.#out.fill(this.#out[from] ?? 0, this.#at, this.#at + length)
    else for (let offset = 0; offset < length; offset++) this.#out[this.#at + offset] = this.#out[from + offset] ?? 0
    this.#at += length
  }

  #symbol({ entries, mask }: PrefixCode): number {
    this.#hold16()
    const entry = entries[this.#hold & mask] ?? 0
    const length = entry & ENTRY.lengthMask
    if (length === 0) throw new RangeError("a code stands for nothing")
    this.#hold >>>= length
    this.#bits -= length
    return entry >>> ENTRY.shift
  }

  /** @param count up to 16 */
  #take(count: number): number {
    this.#hold16()
    const value = this.#hold & ((1 << count) - 1)
    this.#hold >>>= count
    this.#bits -= count
    return value
  }

  /** Holds 16 bits; those behind the input's end are 0, and are noticed by `overran`. */
  #hold16(): void {
    while (this.#bits < 16) {
      this.#hold |= (this.#input[this.#position++] ?? 0) << this.#bits
      this.#bits += 8
    }
  }
}

const FIXED_LITERALS = new PrefixCode(
  Uint8Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
)
const FIXED_DISTANCES = new PrefixCode(new Uint8Array(32).fill(5))
