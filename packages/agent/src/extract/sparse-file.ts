import { ZEROS, type FileSink } from "./file-sinks.ts"
import { SparseMapError, type SparseMap, type SparseMapReader } from "./sparse-map.ts"

/** Holes are handed on in pieces, so that others get their turn: their zeros are hashed. */
const PIECE_BYTES = 1024 * 1024

/** The content of a sparse member, which is its data without the holes, on its way into a file that has them. */
export class SparseFile {
  readonly #sink: FileSink
  readonly #map: SparseMap
  readonly #reader: SparseMapReader | undefined
  readonly #bytes: number
  #pieces: Iterator<{ start: number; end: number }> | undefined
  #piece: { start: number; end: number } | undefined
  #taken = 0
  #position = 0
  #ended = false

  /**
   * @param bytes of the content
   * @param reader of the map, where the content begins with it
   */
  constructor(sink: FileSink, map: SparseMap, bytes: number, reader?: SparseMapReader) {
    this.#sink = sink
    this.#map = map
    this.#bytes = bytes
    this.#reader = reader
  }

  /** Yields when others may have their turn. @throws SparseMapError where the map does not fit */
  *write(content: Buffer): Generator<undefined> {
    let chunk = content
    if (this.#reader?.done === false) {
      const taken = this.#reader.take(chunk)
      this.#taken += taken
      chunk = chunk.subarray(taken)
    }
    while (chunk.length > 0) {
      const piece = this.#current()
      if (piece === undefined) throw new SparseMapError("there is more than the map says")
      yield* this.#hole(piece.start)
      const data = chunk.subarray(0, piece.end - this.#position)
      this.#sink.write(data)
      this.#position += data.length
      chunk = chunk.subarray(data.length)
    }
  }

  *end(): Generator<undefined> {
    if (this.#reader?.done === false || this.#taken + this.#map.data !== this.#bytes)
      throw new SparseMapError("there is less than the map says")
    yield* this.#hole(this.#map.size)
    this.#ended = true
    this.#sink.end()
  }

  discard(): void {
    if (!this.#ended) this.#sink.discard()
  }

  /** The piece that the next byte of data belongs to. */
  #current(): { start: number; end: number } | undefined {
    if (this.#piece !== undefined && this.#position < this.#piece.end) return this.#piece
    this.#pieces ??= this.#map[Symbol.iterator]()
    const { value, done } = this.#pieces.next() as IteratorResult<{ start: number; end: number }, undefined>
    this.#piece = done === true ? undefined : value
    return this.#piece
  }

  *#hole(end: number): Generator<undefined> {
    while (this.#position < end) {
      const bytes = Math.min(PIECE_BYTES, end - this.#position)
      this.#zeros(bytes)
      this.#position += bytes
      yield
    }
  }

  #zeros(bytes: number): void {
    if (this.#sink.hole !== undefined) return this.#sink.hole(bytes)
    for (let left = bytes; left > 0; left -= ZEROS.length) this.#sink.write(ZEROS.subarray(0, left))
  }
}
