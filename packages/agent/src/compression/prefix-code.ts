/** The longest code, in bits. */
const MOST_BITS = 15

/** A symbol and the length of its code, in bits. */
export const ENTRY = { shift: 4, lengthMask: 15 } as const

/** A canonical prefix code as deflate has them (RFC 1951, 3.2.2), read from the lowest bit on. */
export class PrefixCode {
  /** By the next bits: `symbol << 4 | length`, 0 for what is no code. */
  readonly entries: Uint16Array
  /** Of the bits that an entry is found by. */
  readonly mask: number

  /**
   * @param lengths by symbol, 0 for those that have no code
   * @throws RangeError where no code has these lengths
   */
  constructor(lengths: Uint8Array) {
    const counts = new Uint16Array(MOST_BITS + 1)
    let longest = 1
    for (const length of lengths) {
      counts[length] = (counts[length] ?? 0) + 1
      if (length > longest) longest = length
    }
    counts[0] = 0
    const next = new Uint16Array(MOST_BITS + 2)
    let free = 1
    for (let length = 1; length <= MOST_BITS; length++) {
      free = free * 2 - (counts[length] ?? 0)
      if (free < 0) throw new RangeError("its code lengths contradict each other")
      next[length + 1] = ((next[length] ?? 0) + (counts[length] ?? 0)) << 1
    }
    this.entries = new Uint16Array(1 << longest)
    this.mask = this.entries.length - 1
    for (const [symbol, length] of lengths.entries()) {
      if (length === 0) continue
      const code = next[length] ?? 0
      next[length] = code + 1
      this.#enter(code, length, symbol)
    }
  }

  #enter(code: number, length: number, symbol: number): void {
    let reversed = 0
    for (let bit = 0; bit < length; bit++) reversed |= ((code >>> bit) & 1) << (length - 1 - bit)
    const entry = (symbol << ENTRY.shift) | length
    for (let at = reversed; at < this.entries.length; at += 1 << length) this.entries[at] = entry
  }
}
