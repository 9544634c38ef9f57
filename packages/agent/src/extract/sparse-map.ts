import { BLOCK } from "./tar-header.ts"

/** Holes that contradict each other, or the file's size. */
export class SparseMapError extends Error {}

/** Of so many pieces the numbers alone take 16 MB. */
const MOST_PIECES = 1_000_000

/** Where a sparse file has data, in order; between it and behind it are holes. */
export class SparseMap {
  /** Of the file, its holes included. */
  readonly size: number
  /** Where data begins and where it ends, in turn. */
  readonly #edges: number[] = []
  #data = 0

  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 0) throw new SparseMapError("it has no size")
    this.size = size
  }

  /** How much data there is. */
  get data(): number {
    return this.#data
  }

  /** @throws SparseMapError where data overlaps or lies outside of the file */
  add(offset: number, bytes: number): void {
    const end = offset + bytes
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(bytes) || bytes < 0)
      throw new SparseMapError("no number")
    if (offset < (this.#edges.at(-1) ?? 0) || end > this.size) throw new SparseMapError("out of order")
    if (bytes === 0) return
    if (this.#edges.length === 2 * MOST_PIECES) throw new SparseMapError("too many pieces")
    this.#data += bytes
    this.#edges.push(offset, end)
  }

  /** Adds what is given as offsets and lengths in turn. */
  addAll(numbers: readonly number[]): void {
    for (let at = 0; at < numbers.length; at += 2) this.add(numbers[at] ?? NaN, numbers[at + 1] ?? NaN)
  }

  /** Each piece of data, in order. */
  *[Symbol.iterator](): Generator<{ start: number; end: number }> {
    for (let at = 0; at < this.#edges.length; at += 2) {
      yield { start: this.#edges[at] ?? 0, end: this.#edges[at + 1] ?? 0 }
    }
  }
}

const NUMBER_BYTES = 12
/** GNU's header has some pieces, further ones follow in blocks of their own, and a last byte says whether there are more. */
const OLD = { pieces: 386, count: 4, more: 482, size: 483 } as const
const FURTHER = { pieces: 0, count: 21, more: 504 } as const

/** The map that GNU tar's own format begins in the header, and whether further blocks go on with it. */
export function oldSparseMap(header: Buffer): { map: SparseMap; more: boolean } {
  const map = new SparseMap(tarNumber(header, OLD.size, OLD.size + NUMBER_BYTES) ?? NaN)
  return { map, more: addPieces(map, header, OLD) }
}

/** Adds those of a further block; says whether there is one more. */
export function addFurther(map: SparseMap, block: Buffer): boolean {
  return addPieces(map, block, FURTHER)
}

function addPieces(map: SparseMap, block: Buffer, { pieces, count, more }: typeof OLD | typeof FURTHER): boolean {
  for (let piece = 0; piece < count; piece++) {
    const start = pieces + piece * 2 * NUMBER_BYTES
    const middle = start + NUMBER_BYTES
    if (block[middle] === 0) break
    map.add(tarNumber(block, start, middle) ?? NaN, tarNumber(block, middle, middle + NUMBER_BYTES) ?? NaN)
  }
  return block[more] !== 0
}

/** A field that is a number: octal, or in base 256 where its first bit says so. Empty: undefined; malformed: NaN. */
function tarNumber(block: Buffer, start: number, end: number): number | undefined {
  const first = block[start] ?? 0
  if ((first & 0x80) !== 0) {
    // In two's complement of the other bits.
    let value = (first & 0x40) === 0 ? first & 0x3f : (first & 0x3f) - 0x40
    for (let at = start + 1; at < end; at++) value = value * 256 + (block[at] ?? 0)
    return Number.isSafeInteger(value) ? value : NaN
  }
  let at = start
  while (at < end && block[at] === 0x20) at++
  let value = 0
  const digits = at
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  const ended = at === end || block[at] === 0 || block[at] === 0x20
  if (!ended) return NaN
  return at === digits ? undefined : value
}

/** No real number is longer. */
const MOST_DIGITS = 20
const NEWLINE = 0x0a

/**
 * Reads a map of version 1.0 from the beginning of a member's content, whichever way that is cut: how many pieces, then of
 * each its offset and its length, a decimal number a line, and filled up to a whole block.
 */
export class SparseMapReader {
  readonly #map: SparseMap
  #line = ""
  #offset: number | undefined
  #left: number | undefined
  #read = 0

  constructor(map: SparseMap) {
    this.#map = map
  }

  get done(): boolean {
    return this.#left === 0 && this.#read % BLOCK === 0
  }

  /** Takes what belongs to the map; returns how much that was. */
  take(chunk: Buffer): number {
    let at = 0
    for (; at < chunk.length && !this.done; at++, this.#read++) {
      if (this.#left === 0) continue
      const byte = chunk[at] ?? 0
      if (byte !== NEWLINE) this.#line += String.fromCharCode(byte)
      else this.#number()
      if (this.#line.length > MOST_DIGITS) throw new SparseMapError("no number")
    }
    return at
  }

  #number(): void {
    const number = /^\d+$/.test(this.#line) ? Number(this.#line) : NaN
    this.#line = ""
    if (Number.isNaN(number)) throw new SparseMapError("no number")
    if (this.#left === undefined) this.#left = 2 * number
    else {
      this.#left--
      if (this.#offset === undefined) this.#offset = number
      else {
        this.#map.add(this.#offset, number)
        this.#offset = undefined
      }
    }
  }
}
