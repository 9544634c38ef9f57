import { fstatSync, openSync, closeSync, readSync } from "node:fs"
import { createReadStream } from "node:fs"
import type { Readable } from "node:stream"
import * as yauzl from "yauzl"

const WINDOW_BYTES = 1024 * 1024

/**
 * A zip file for yauzl that reads in windows of 1 MiB: its central directory is a run of small records, and a system
 * call for each made 20 000 entries take seconds.
 */
export class ZipSource extends yauzl.RandomAccessReader {
  readonly #fd: number
  readonly #path: string
  readonly size: number
  #window: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(path: string) {
    super()
    this.#path = path
    this.#fd = openSync(path, "r")
    this.size = fstatSync(this.#fd).size
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
      const window = Buffer.allocUnsafe(Math.max(WINDOW_BYTES, length))
      let filled = 0
      while (filled < window.length) {
        const count = readSync(this.#fd, window, filled, window.length - filled, position + filled)
        if (count === 0) break
        filled += count
      }
      this.#window = window.subarray(0, filled)
      this.#start = position
    }
    const from = position - this.#start
    return this.#window.subarray(from, Math.min(from + length, this.#window.length))
  }

  /** A range as a stream, for members too large to hold. */
  stream(start: number, end: number): Readable {
    return createReadStream(this.#path, { start, end: end - 1, highWaterMark: WINDOW_BYTES })
  }

  override close(callback: (error: Error | null) => void): void {
    closeSync(this.#fd)
    setImmediate(callback, null)
  }
}

/** Opens the archive: yauzl finds and checks its directory, the bytes come through `source`. */
export async function openZip(path: string): Promise<{ zip: yauzl.ZipFile; source: ZipSource }> {
  const source = new ZipSource(path)
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
