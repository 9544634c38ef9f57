/** `[start, end)` */
export type ByteRange = readonly [start: number, end: number]

/** Which bytes of a file are there: disjoint ranges, ascending, none touching the next. */
export class ByteRanges {
  #ranges: ByteRange[] = []

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const [start, end] of ranges) this.add(start, end)
  }

  add(start: number, end: number): void {
    if (end <= start) return
    const before = this.#ranges.filter(([, other]) => other < start)
    const after = this.#ranges.filter(([other]) => other > end)
    const touched = this.#ranges.slice(before.length, this.#ranges.length - after.length)
    const merged: ByteRange = [Math.min(start, touched[0]?.[0] ?? start), Math.max(end, touched.at(-1)?.[1] ?? end)]
    this.#ranges = [...before, merged, ...after]
  }

  /** Forgets all from `bytes` on. */
  cut(bytes: number): void {
    this.#ranges = this.#ranges.flatMap(([start, end]) => (start < bytes ? [[start, Math.min(end, bytes)]] : []))
  }

  /** How many bytes there are from the start without a gap. */
  get prefix(): number {
    const first = this.#ranges[0]
    return first?.[0] === 0 ? first[1] : 0
  }

  get total(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + end - start, 0)
  }

  /** The end of the last one. */
  get end(): number {
    return this.#ranges.at(-1)?.[1] ?? 0
  }

  /** What lacks below `end`, ascending. */
  gaps(end: number): ByteRange[] {
    const gaps: ByteRange[] = []
    let at = 0
    for (const [start, stop] of this.#ranges) {
      if (start >= end) break
      if (start > at) gaps.push([at, start])
      at = stop
    }
    if (at < end) gaps.push([at, end])
    return gaps
  }

  toArray(): [number, number][] {
    return this.#ranges.map(([start, end]) => [start, end])
  }
}
