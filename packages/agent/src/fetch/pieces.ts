import type { CachePart } from "../store/cache-part.ts"
import { ByteRanges } from "../store/byte-ranges.ts"
import type { Span } from "./receive.ts"

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
    const span: Span = { position: from, end, stop: gap?.[1] ?? this.#length, waited: 0, waitsSince: undefined }
    this.#taken.set(span, from)
    return span
  }

  /** The first piece that nobody has, or `undefined`. */
  next(): Span | undefined {
    const gap = this.#free()[0]
    if (gap === undefined) return undefined
    const [start, stop] = gap
    const end = Math.min(stop, start + this.#bytes)
    const span: Span = { position: start, end, stop: end, waited: 0, waitsSince: undefined }
    this.#taken.set(span, start)
    return span
  }

  /** Takes from a connection all that is more than a piece away from where it is. */
  shorten(span: Span): void {
    if (!this.#taken.has(span)) return
    span.stop = Math.min(span.stop ?? this.#length, span.position + this.#bytes)
  }

  /** Its connection has ended: what it did not bring is free again. */
  release(span: Span): void {
    this.#taken.delete(span)
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
