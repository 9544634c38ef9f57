import { readSync } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { Readable } from "node:stream"
import { callbackify } from "node:util"
import * as yauzl from "yauzl"
import { KNOWN_FORMAT_BYTES } from "../compression/known-format.ts"
import type { FollowedFile, OpenPiece } from "../follow/followed-file.ts"

const WINDOW_BYTES = 1024 * 1024
/** APPNOTE.TXT 4.3.7: the fixed part of a local file header, its signature, and where it says how long the rest is. */
const LOCAL_HEADER = { bytes: 30, signature: 0x04034b50, nameLength: 26, extraLength: 28 } as const
/** 4.3.12, and 4.3.14 to 4.3.16: the records at the end, and where two of them say how long the directory is and where it begins. */
export const DIRECTORY_ENTRY = { bytes: 46, signature: 0x02014b50, flags: 8 } as const
const ZIP64_END = { bytes: 56, signature: 0x06064b50, length: 40, offset: 48 } as const
const ZIP64_LOCATOR = { bytes: 20, signature: 0x07064b50 } as const
const END = { bytes: 22, signature: 0x06054b50, length: 12, offset: 16, commentLength: 20 } as const
const MAX_COMMENT_BYTES = 0xffff
/** 4.4.4: a member with the second flag has to have the first. */
const FLAGS = { encrypted: 1, strongly: 1 << 6 } as const

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
  /** Bytes before the archive, of the program in one that extracts itself, which its own offsets do not count. */
  base = 0
  /** Where its directory begins in the file. */
  directory = 0
  /** Where its comment begins, which yauzl does not get to see: it may hold what looks like the archive's end. */
  #comment: number | undefined

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

  /**
   * Finds where in the file the archive lies, by its last end record that is sound. What some servers append to an archive that
   * begins where its file does counts as little as to unzip and to Python.
   */
  async findEnd(): Promise<void> {
    const start = Math.max(0, this.size - END.bytes - MAX_COMMENT_BYTES - ZIP64_LOCATOR.bytes - ZIP64_END.bytes)
    await this.until(start, this.size)
    const tail = Buffer.from(this.bytes(start, this.size - start))
    let followed: number | undefined
    for (let at = tail.length - END.bytes; at >= 0; at--) {
      if (tail.readUInt32LE(at) !== END.signature) continue
      const comment = at + END.bytes
      const after = tail.length - comment - tail.readUInt16LE(at + END.commentLength)
      if (after > 0) followed ??= at
      if (after !== 0) continue
      this.#comment = start + comment
      this.base = await this.#bytesBefore(tail, at, start)
      this.directory += this.base
      return
    }
    if (followed === undefined || (await this.#bytesBefore(tail, followed, start)) > 0) return
    if (await this.hasEntryAt(this.directory)) this.#comment = start + followed + END.bytes
  }

  /** How many bytes there are for yauzl to see. */
  get visible(): number {
    return (this.#comment ?? this.size) - this.base
  }

  async #bytesBefore(tail: Buffer, at: number, start: number): Promise<number> {
    const locator = at - ZIP64_LOCATOR.bytes
    const wide = locator - ZIP64_END.bytes
    const isWide =
      wide >= 0 &&
      tail.readUInt32LE(locator) === ZIP64_LOCATOR.signature &&
      tail.readUInt32LE(wide) === ZIP64_END.signature
    const number = (field: "length" | "offset"): number =>
      isWide ? Number(tail.readBigUInt64LE(wide + ZIP64_END[field])) : tail.readUInt32LE(at + END[field])
    this.directory = number("offset")
    const directory = start + (isWide ? wide : at) - number("length")
    const before = directory - number("offset")
    if (before <= 0 || directory < before) return 0
    // One that begins as an archive was cut, and this is the end of another one that is a member of it.
    if ((await this.#signature(0)) === LOCAL_HEADER.signature) return 0
    return (await this.#signature(directory)) === DIRECTORY_ENTRY.signature ? before : 0
  }

  /** Whether an entry of the directory begins there. */
  async hasEntryAt(position: number): Promise<boolean> {
    return (await this.#signature(position)) === DIRECTORY_ENTRY.signature
  }

  async #signature(position: number): Promise<number | undefined> {
    await this.until(position, position + 4)
    const bytes = this.bytes(position, 4)
    return bytes.length < 4 ? undefined : bytes.readUInt32LE(0)
  }

  /** For yauzl: positions are the archive's. */
  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    inArchive: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const position = this.base + inArchive
    const answer = (): void => {
      let found: Buffer
      try {
        found = this.bytes(position, length)
      } catch (error) {
        callback(error as Error)
        return
      }
      found.copy(buffer, offset)
      // As if there were no comment.
      if (this.#comment === position + length) buffer.fill(0, offset + length - 2, offset + length)
      if (length === DIRECTORY_ENTRY.bytes) asPlainlyEncrypted(buffer.subarray(offset, offset + length))
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

/** yauzl would list nothing of an archive that has one strongly encrypted member. */
function asPlainlyEncrypted(entry: Buffer): void {
  const flags = entry.readUInt16LE(DIRECTORY_ENTRY.flags)
  if (entry.readUInt32LE(0) !== DIRECTORY_ENTRY.signature || (flags & FLAGS.strongly) === 0) return
  entry.writeUInt16LE((flags & ~FLAGS.strongly) | FLAGS.encrypted, DIRECTORY_ENTRY.flags)
}

/**
 * Opens the archive once its end is there: yauzl finds and checks its directory, the bytes come through `source`.
 *
 * @param explain what to throw instead of an error, by how the file begins
 */
export async function openZip(
  file: FollowedFile,
  explain: (error: unknown, start: Uint8Array) => unknown,
): Promise<{ zip: yauzl.ZipFile; source: ZipSource }> {
  const source = new ZipSource(file, await file.open())
  try {
    await source.findEnd()
    const zip = await yauzl.fromRandomAccessReaderPromise(source, source.visible, {
      autoClose: false,
      decodeStrings: false,
      // Our own pass checks sizes, with the member's name in the error.
      validateEntrySizes: false,
    })
    return { zip, source }
  } catch (error) {
    try {
      throw explain(error, source.bytes(0, KNOWN_FORMAT_BYTES))
    } finally {
      source.close(() => {})
    }
  }
}
