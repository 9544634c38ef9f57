import { readSync } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { Readable } from "node:stream"
import { callbackify } from "node:util"
import * as yauzl from "yauzl"
import type { FollowedFile, OpenPiece } from "../follow/followed-file.ts"

const WINDOW_BYTES = 1024 * 1024
/** APPNOTE.TXT 4.3.7: the fixed part of a local file header, its signature, and where it says how long the rest is. */
const LOCAL_HEADER = { bytes: 30, signature: 0x04034b50, nameLength: 26, extraLength: 28 } as const

/**
 * A zip file for yauzl that reads in windows of 1 MiB: its central directory is a run of small records, and a system
 * call for each made 20 000 entries take seconds. It may lie in several pieces, or still come: what is read of it
 * with `bytes` has to be waited for with `until`.
 */
export class ZipSource extends yauzl.RandomAccessReader {
  readonly #followed: FollowedFile
  readonly #generation: number
  /** Each with where it begins and ends in the archive. */
  readonly #pieces: readonly { file: FileHandle; start: number; end: number }[]
  readonly size: number
  readonly #memory = Buffer.allocUnsafe(WINDOW_BYTES)
  #window: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(followed: FollowedFile, opened: readonly OpenPiece[]) {
    super()
    this.#followed = followed
    this.#generation = followed.generation
    let size = 0
    this.#pieces = opened.map(({ file, bytes }) => ({ file, start: size, end: (size += bytes) }))
    this.size = size
  }

  /** Waits until a range is there, as far as it is within the file; undefined where it is there by now. */
  until(position: number, end: number): Promise<void> | undefined {
    const wanted = Math.min(end, this.size)
    const there = this.#followed.generation === this.#generation && this.#followed.endOfThose(position) >= wanted
    return there ? undefined : this.#followed.until(position, wanted, this.#generation)
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const answer = (): void => {
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
    const coming = this.until(position, position + length)
    if (coming === undefined) answer()
    else coming.then(answer, callback)
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

  /** Where the content of an entry begins whose local header is at `offset`, once that is there; undefined where it is none. */
  async dataStart(offset: number): Promise<number | undefined> {
    const { bytes, signature, nameLength, extraLength } = LOCAL_HEADER
    await this.until(offset, offset + bytes)
    const header = this.bytes(offset, bytes)
    if (header.length < bytes || header.readUInt32LE(0) !== signature) return undefined
    return offset + bytes + header.readUInt16LE(nameLength) + header.readUInt16LE(extraLength)
  }

  /** A range as a stream, for members too large to hold. */
  stream(start: number, end: number): Readable {
    const chunks = async function* (this: ZipSource): AsyncGenerator<Buffer> {
      for (let position = start; position < end;) {
        const wanted = Math.min(WINDOW_BYTES, end - position)
        await this.until(position, position + wanted)
        const chunk = this.#read(Buffer.allocUnsafe(wanted), position)
        if (chunk.length === 0) return
        position += chunk.length
        yield chunk
      }
    }
    return Readable.from(chunks.call(this), { objectMode: true, highWaterMark: 1 })
  }

  /** Fills the buffer as far as there are bytes without a gap. */
  #read(into: Buffer, position: number): Buffer {
    const most = Math.min(into.length, this.#followed.endOfThose(position) - position)
    let filled = 0
    while (filled < most) {
      const at = position + filled
      const piece = this.#pieces.find(({ end }) => at < end)
      if (piece === undefined) break
      const length = Math.min(most - filled, piece.end - at)
      const count = readSync(piece.file.fd, into, filled, length, at - piece.start)
      if (count === 0) break
      filled += count
    }
    return into.subarray(0, filled)
  }

  override close(callback: (error: Error | null) => void): void {
    callbackify(() => Promise.all(this.#pieces.map(({ file }) => file.close())))((error) => callback(error))
  }
}

/** Opens the archive once its end is there: yauzl finds and checks its directory, the bytes come through `source`. */
export async function openZip(file: FollowedFile): Promise<{ zip: yauzl.ZipFile; source: ZipSource }> {
  const source = new ZipSource(file, await file.open())
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
