/** Rows of numbers, as many as come: 8 bytes a number, where an object a row takes ten times that and the garbage collector's time. */
export class Rows {
  readonly width: number
  #memory: Float64Array
  #length = 0

  constructor(width: number) {
    this.width = width
    this.#memory = new Float64Array(width * 64)
  }

  get length(): number {
    return this.#length
  }

  /** Adds a row of zeros; returns its number. */
  add(): number {
    if ((this.#length + 1) * this.width > this.#memory.length) {
      const grown = new Float64Array(this.#memory.length * 2)
      grown.set(this.#memory)
      this.#memory = grown
    }
    return this.#length++
  }

  /** Some rows, to be read and written until the next one is added. */
  range(start: number, count: number): Float64Array {
    return this.#memory.subarray(start * this.width, (start + count) * this.width)
  }
}
