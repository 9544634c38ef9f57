/** The longest code, in bits. */
export const MOST_BITS = 20
/** Codes up to this length are found with one look. */
const FAST_BITS = 10

/** A canonical Huffman code, given by the lengths of its codes. */
export class HuffmanTable {
  /** By the first bits of a code: `symbol << 5 | length`, 0 for what is longer or no code. */
  readonly #fast = new Uint16Array(1 << FAST_BITS)
  /** By length: the codes of at most that length are below this, aligned to `MOST_BITS`. */
  readonly #limits = new Uint32Array(MOST_BITS + 1)
  /** By length: what is added to a code of that length to find its symbol. */
  readonly #bases = new Int32Array(MOST_BITS + 1)
  readonly #symbols: Uint16Array

  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length)
    let code = 0
    let place = 0
    for (let length = 1; length <= MOST_BITS; length++) {
      this.#bases[length] = place - code
      for (const [symbol, own] of lengths.entries()) {
        if (own !== length) continue
        this.#symbols[place++] = symbol
        this.#enter(code++, length, symbol)
      }
      this.#limits[length] = code << (MOST_BITS - length)
      code <<= 1
    }
  }

  /** The symbol and length of the code that `bits` (`MOST_BITS` of them) begin with: `symbol << 5 | length`; 0 for none. */
  decode(bits: number): number {
    const found = this.#fast[bits >>> (MOST_BITS - FAST_BITS)] ?? 0
    if (found !== 0) return found
    for (let length = FAST_BITS + 1; length <= MOST_BITS; length++) {
      if (bits >= (this.#limits[length] ?? 0)) continue
      const symbol = this.#symbols[(bits >>> (MOST_BITS - length)) + (this.#bases[length] ?? 0)]
      return symbol === undefined ? 0 : (symbol << 5) | length
    }
    return 0
  }

  #enter(code: number, length: number, symbol: number): void {
    if (length > FAST_BITS) return
    const free = FAST_BITS - length
    // An oversubscribed code runs out of the table: `fill` stops at its end.
    this.#fast.fill((symbol << 5) | length, code << free, (code + 1) << free)
  }
}
