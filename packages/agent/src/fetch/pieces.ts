import type { CachePart } from "../store/cache-part.ts"
import { ByteRanges } from "../store/byte-ranges.ts"
import { newSpan, type Span } from "./span.ts"

/** What of a part is still to be asked for, and which connection has what. Given out from the start on. */
export class Pieces {
  readonly #part: Pick<CachePart, "gaps">
  readonly #length: number
  readonly #bytes: number
  readonly #taken = new Map<Span, number>()

  /** @param bytes of a piece at most */
  constructor(part: Pick<CachePart, "gaps">, length: number, bytes: number) {
    this.#part = part
    this.#length = length
    this.#bytes = bytes
  }

  /** A connection that is on its way already: it has all up to what is there or taken. */
  adopt(from: number, end: number): Span {
    const gap = this.#part.gaps(this.#length).find(([start, stop]) => start <= from && from < stop)
    const span = newSpan(from, end, gap?.[1] ?? this.#length)
    this.#taken.set(span, from)
    return span
  }

  /** The first piece that nobody has, or `undefined`. */
  next(): Span | undefined {
    const gap = this.#free()[0]
    if (gap === undefined) return undefined
    const [start, stop] = gap
    return this.#take(start, Math.min(stop, start + this.#bytes))
  }

  /**
   * What lacks of the file's end from `from` on, taken from the connection that was to come there by itself; `undefined`
   * where nothing lacks, or a connection is there already.
   */
  takeEnd(from: number): Span | undefined {
    const last = this.#part.gaps(this.#length).at(-1)
    if (last === undefined || last[1] <= from) return undefined
    const [start, stop] = [Math.max(from, last[0]), last[1]]
    const inside = [...this.#taken.keys()].filter((span) => (span.stop ?? this.#length) > start)
    if (inside.some(({ position }) => position >= start)) return undefined
    for (const span of inside) span.stop = start
    return this.#take(start, stop)
  }

  /** Whether there is something that no connection has. */
  get left(): boolean {
    return this.#free().length > 0
  }

  /** Takes from a connection all that it has not brought. */
  takeRest(span: Span): Span {
    const stop = span.stop ?? this.#length
    span.stop = span.position
    return this.#take(span.position, stop)
  }

  /** Takes from a connection all that is more than a piece away from where it is. */
  shorten(span: Span): void {
    if (!this.#taken.has(span)) return
    span.stop = Math.min(span.stop ?? this.#length, span.position + this.#bytes)
  }

  /**
   * Its connection has ended: what it did not bring is free again. If that is all, a connection that would have come there
   * by itself may go on, through all that nobody has.
   */
  release(span: Span): void {
    const from = this.#taken.get(span)
    this.#taken.delete(span)
    if (span.position !== from || span.stop === undefined) return
    const free = this.#free().find(([start, end]) => start <= from && from < end)
    const stop = free?.[1] ?? span.stop
    for (const other of this.#taken.keys()) {
      if (other.stop === from && other.position < from) other.stop = Math.min(stop, other.end ?? stop)
    }
  }

  #take(start: number, end: number): Span {
    const span = newSpan(start, end, end)
    this.#taken.set(span, start)
    return span
  }

  #free(): readonly (readonly [number, number])[] {
    const missing = this.#part.gaps(this.#length)
    const free: [number, number][] = []
    const taken = new ByteRanges()
    for (const [span, from] of this.#taken) taken.add(from, span.stop ?? this.#length)
    for (const [start, end] of missing) {
      const within = new ByteRanges([[0, start], ...taken.toArray()])
      for (const [from, to] of within.gaps(end)) free.push([from, to])
    }
    return free
  }
}
