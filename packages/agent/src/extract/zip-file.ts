import { openSync, closeSync, readSync } from "node:fs"
import { Readable } from "node:stream"
import * as yauzl from "yauzl"
import type { Piece } from "../follow/followed-file.ts"

const WINDOW_BYTES = 1024 * 1024
/** APPNOTE.TXT 4.3.7: the fixed part of a local file header, its signature, and where it says how long the rest is. */
const LOCAL_HEADER = { bytes: 30, signature: 0x04034b50, nameLength: 26, extraLength: 28 } as const

/**
 * A zip file for yauzl that reads in windows of 1 MiB: its central directory is a run of small records, and a system
 * call for each made 20 000 entries take seconds. It may lie in several pieces.
 */
export class ZipSource extends yauzl.RandomAccessReader {
  /** Open, each with where it begins and ends in the archive. */
  readonly #pieces: readonly { fd: number; start: number; end: number }[]
  readonly size: number
  readonly #memory = Buffer.allocUnsafe(WINDOW_BYTES)
  #window: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(pieces: readonly Piece[]) {
    super()
    const opened: { fd: number; start: number; end: number }[] = []
    this.#pieces = opened
    let start = 0
    try {
      for (const { path, bytes } of pieces) {
        opened.push({ fd: openSync(path, "r"), start, end: start + bytes })
        start += bytes
      }
    } catch (error) {
      for (const { fd } of opened) closeSync(fd)
      throw error
    }
    this.size = start
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    let found: Buffer
    try {
      found = this.bytes(position, length)
    } catch (error) {
      callback(error as Error)
      return
    }
    found.copy(buffer, offset)
    callback(null, found.length)
  }

  /** A copy-free view of a range, valid until the next call; shorter at the end of the file. */
  bytes(position: number, length: number): Buffer {
    const inside = position >= this.#start && position + length <= this.#start + this.#window.length
    if (!inside) {
      this.#window = this.#read(length > WINDOW_BYTES ? Buffer.allocUnsafe(length) : this.#memory, position)
      this.#start = position
    }
    const from = position - this.#start
    return this.#window.subarray(from, Math.min(from + length, this.#window.length))
  }

  /** Where the content of an entry begins whose local header is at `offset`; undefined where there is none. */
  dataStart(offset: number): number | undefined {
    const { bytes, signature, nameLength, extraLength } = LOCAL_HEADER
    const header = this.bytes(offset, bytes)
    if (header.length < bytes || header.readUInt32LE(0) !== signature) return undefined
    return offset + bytes + header.readUInt16LE(nameLength) + header.readUInt16LE(extraLength)
  }

  /** A range as a stream, for members too large to hold. */
  stream(start: number, end: number): Readable {
    const chunks = function* (this: ZipSource): Generator<Buffer> {
      for (let position = start; position < end;) {
        const chunk = this.#read(Buffer.allocUnsafe(Math.min(WINDOW_BYTES, end - position)), position)
        if (chunk.length === 0) return
        position += chunk.length
        yield chunk
      }
    }
    return Readable.from(chunks.call(this), { objectMode: true, highWaterMark: 1 })
  }

  /** Fills the buffer as far as there are bytes. */
  #read(into: Buffer, position: number): Buffer {
    let filled = 0
    while (filled < into.length) {
      const at = position + filled
      const piece = this.#pieces.find(({ end }) => at < end)
      if (piece === undefined) break
      const length = Math.min(into.length - filled, piece.end - at)
      const count = readSync(piece.fd, into, filled, length, at - piece.start)
      if (count === 0) break
      filled += count
    }
    return into.subarray(0, filled)
  }

  override close(callback: (error: Error | null) => void): void {
    for (const { fd } of this.#pieces) closeSync(fd)
    setImmediate(callback, null)
  }
}

/** Opens the archive: yauzl finds and checks its directory, the bytes come through `source`. */
export async function openZip(pieces: readonly Piece[]): Promise<{ zip: yauzl.ZipFile; source: ZipSource }> {
  const source = new ZipSource(pieces)
  try {
    const zip = await yauzl.fromRandomAccessReaderPromise(source, source.size, {
      autoClose: false,
      decodeStrings: false,
      // Our own pass checks sizes, with the member's name in the error.
      validateEntrySizes: false,
    })
    return { zip, source }
  } catch (error) {
    source.close(() => {})
    throw error
  }
}
