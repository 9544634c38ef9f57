import { bzip2Crc } from "./bzip2-crc.ts"
import { HuffmanTable, MOST_BITS } from "./bzip2-huffman.ts"

/** The bits of the block go on beyond the bytes that are there. */
export class OutOfBits extends Error {}

/** The bits are none that bzip2 writes. */
export class Bzip2Fault extends Error {
  readonly unsupported: boolean

  constructor(message: string, unsupported = false) {
    super(message)
    this.unsupported = unsupported
  }
}

const BLOCK_MAGIC = [0x314159, 0x265359]
const END_MAGIC = [0x177245, 0x385090]
/** Symbols that are coded by one table, before the next selector. */
const GROUP_SYMBOLS = 50
const MOST_SELECTORS = 18002
/** A run is never longer than a block; the highest bit of its length then has this weight at most. */
const MOST_RUN_WEIGHT = 1 << 20
const CHUNK_BYTES = 1024 * 1024

/**
 * One block of a bzip2 stream after the other: `read` takes its bits apart, `bytes` gives what it holds.
 *
 * Follows the format as it is described in "BZIP2: Format Specification" (J. Tsai, 2016) and done by bzip2 1.0.8.
 * Everything that a length or an index is made from is checked: the bytes may be anybody's.
 */
export class Bzip2Block {
  readonly level: number
  /** The position in bits behind what was read. */
  position = 0
  /** The declared CRC, of the block or at the stream's end of all blocks. */
  crc = 0
  readonly #vector: Uint32Array
  readonly #selectors = new Uint8Array(MOST_SELECTORS)
  #input: Uint8Array = new Uint8Array(0)
  #count = 0
  #origin = 0

  /** @param level the size of the stream's blocks in 100 000 bytes */
  constructor(level: number) {
    this.level = level
    this.#vector = new Uint32Array(level * 100_000)
  }

  /**
   * Reads the block that begins at a bit of `input`; true when the stream ends there.
   *
   * @throws OutOfBits, Bzip2Fault
   */
  read(input: Uint8Array, bit: number): boolean {
    this.#input = input
    this.position = bit
    const magic = [this.#bits(24), this.#bits(24)]
    const end = magic.every((part, index) => part === END_MAGIC[index])
    if (!end && !magic.every((part, index) => part === BLOCK_MAGIC[index]))
      throw new Bzip2Fault("no block begins there")
    this.crc = ((this.#bits(16) << 16) | this.#bits(16)) >>> 0
    if (end) return true
    if (this.#bits(1) === 1) throw new Bzip2Fault("it is randomised, as only bzip2 before 0.9.5 did", true)
    this.#origin = this.#bits(24)
    const alphabet = this.#alphabet()
    const tableCount = this.#bits(3)
    if (tableCount < 2 || tableCount > 6) throw new Bzip2Fault("it has a wrong number of tables")
    const selectorCount = this.#readSelectors(tableCount)
    const tables = Array.from({ length: tableCount }, () => this.#table(alphabet.length + 2))
    this.#symbols(alphabet, tables, selectorCount)
    if (this.#origin >= this.#count) throw new Bzip2Fault("its origin is outside")
    return false
  }

  /** The bytes of the block that was read; throws Bzip2Fault at their end when their CRC is not the declared one. */
  *bytes(): Generator<Buffer> {
    const vector = this.#vector
    let crc = 0xffffffff
    let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    let length = 0
    let next = (vector[this.#origin] ?? 0) >>> 8
    let previous = -1
    let run = 0
    for (let left = this.#count; left > 0; left--) {
      const entry = vector[next] ?? 0
      next = entry >>> 8
      const byte = entry & 0xff
      // Four equal bytes are followed by how many more there are.
      const copies = run === 4 ? byte : 1
      const value = run === 4 ? previous : byte
      run = run === 4 ? 0 : byte === previous ? run + 1 : 1
      previous = run === 0 ? -1 : byte
      if (length + copies > CHUNK_BYTES) {
        crc = bzip2Crc(chunk, length, crc)
        yield chunk.subarray(0, length)
        chunk = Buffer.allocUnsafe(CHUNK_BYTES)
        length = 0
      }
      if (copies === 1) chunk[length++] = value
      else {
        chunk.fill(value, length, length + copies)
        length += copies
      }
    }
    crc = bzip2Crc(chunk, length, crc)
    if (length > 0) yield chunk.subarray(0, length)
    if ((crc ^ 0xffffffff) >>> 0 !== this.crc) throw new Bzip2Fault("its CRC does not match")
  }

  /** At most 25 bits, the highest first. */
  #bits(count: number): number {
    const input = this.#input
    const at = this.position >>> 3
    const window =
      ((input[at] ?? 0) << 24) | ((input[at + 1] ?? 0) << 16) | ((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0)
    const value = (window << (this.position & 7)) >>> (32 - count)
    this.position += count
    if (this.position > input.length * 8) throw new OutOfBits()
    return value
  }

  /** The bytes that occur, ascending: a map of 16 ranges, then one for each range that is used. */
  #alphabet(): Uint8Array {
    const ranges = this.#bits(16)
    const found: number[] = []
    for (let range = 0; range < 16; range++) {
      if ((ranges & (0x8000 >>> range)) === 0) continue
      const used = this.#bits(16)
      for (let byte = 0; byte < 16; byte++) if ((used & (0x8000 >>> byte)) !== 0) found.push(range * 16 + byte)
    }
    if (found.length === 0) throw new Bzip2Fault("no byte occurs in it")
    return Uint8Array.from(found)
  }

  /** Which table codes which group of symbols, each as its place in a list that moves the last used to the front. */
  #readSelectors(tables: number): number {
    const count = this.#bits(15)
    if (count === 0) throw new Bzip2Fault("it has no selectors")
    const order = Array.from({ length: tables }, (_, index) => index)
    for (let index = 0; index < count; index++) {
      let place = 0
      while (this.#bits(1) === 1) if (++place >= tables) throw new Bzip2Fault("a selector is outside")
      const [table = 0] = order.splice(place, 1)
      order.unshift(table)
      // Some programs write more than a block can need; bzip2 ignores them since 1.0.8.
      if (index < MOST_SELECTORS) this.#selectors[index] = table
    }
    return Math.min(count, MOST_SELECTORS)
  }

  /** The lengths of the codes, each as its difference from the one before. */
  #table(symbols: number): HuffmanTable {
    const lengths = new Uint8Array(symbols)
    let length = this.#bits(5)
    for (let symbol = 0; symbol < symbols; symbol++) {
      for (;;) {
        if (length < 1 || length > MOST_BITS) throw new Bzip2Fault("a code has a wrong length")
        if (this.#bits(1) === 0) break
        length += this.#bits(1) === 0 ? 1 : -1
      }
      lengths[symbol] = length
    }
    return new HuffmanTable(lengths)
  }

  /** Undoes the Huffman coding, the runs and the moving to the front, and sorts the result for `bytes`. */
  #symbols(alphabet: Uint8Array, tables: readonly HuffmanTable[], selectorCount: number): void {
    const vector = this.#vector
    const capacity = vector.length
    const input = this.#input
    const endSymbol = alphabet.length + 1
    const order = alphabet.slice()
    const counts = new Uint32Array(256)
    let position = this.position
    let count = 0
    let run = 0
    let weight = 1
    let selector = 0
    let left = 0
    let table = tables[0]
    for (;;) {
      if (left === 0) {
        if (selector >= selectorCount) throw new Bzip2Fault("it has too few selectors")
        table = tables[this.#selectors[selector++] ?? 0]
        left = GROUP_SYMBOLS
      }
      left--
      const at = position >>> 3
      const window =
        ((input[at] ?? 0) << 24) | ((input[at + 1] ?? 0) << 16) | ((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0)
      const code = table?.decode((window << (position & 7)) >>> (32 - MOST_BITS)) ?? 0
      if (code === 0) throw at + 4 > input.length ? new OutOfBits() : new Bzip2Fault("a code is none of its table's")
      position += code & 31
      if (position > input.length * 8) throw new OutOfBits()
      const symbol = code >>> 5
      if (symbol <= 1) {
        if (weight > MOST_RUN_WEIGHT) throw new Bzip2Fault("a run is too long")
        run += weight << symbol
        weight <<= 1
        continue
      }
      if (run > 0) {
        if (count + run > capacity) throw new Bzip2Fault("it holds more than a block does")
        const byte = order[0] ?? 0
        vector.fill(byte, count, count + run)
        counts[byte] = (counts[byte] ?? 0) + run
        count += run
        run = 0
        weight = 1
      }
      if (symbol === endSymbol) break
      if (count >= capacity) throw new Bzip2Fault("it holds more than a block does")
      const place = symbol - 1
      const byte = order[place] ?? 0
      order.copyWithin(1, 0, place)
      order[0] = byte
      counts[byte] = (counts[byte] ?? 0) + 1
      vector[count++] = byte
    }
    this.position = position
    this.#count = count
    link(vector, count, counts)
  }
}

/** Writes into the upper bits of each place which place follows: the inverse of the Burrows-Wheeler transform. */
function link(vector: Uint32Array, count: number, counts: Uint32Array): void {
  let sum = 0
  for (let byte = 0; byte < 256; byte++) {
    const occurrences = counts[byte] ?? 0
    counts[byte] = sum
    sum += occurrences
  }
  for (let index = 0; index < count; index++) {
    const byte = (vector[index] ?? 0) & 0xff
    const place = counts[byte] ?? 0
    counts[byte] = place + 1
    vector[place] = (vector[place] ?? 0) | (index << 8)
  }
}
