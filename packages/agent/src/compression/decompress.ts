import { addAbortListener } from "node:events"
import type { Duplex } from "node:stream"
import { createGunzip, type Gunzip } from "node:zlib"
import { needsProgram, runDecompressor, startDecompressor } from "./decompress-program.ts"
import { unsupportedCompression } from "./damaged-archive.ts"
import { decompressionError, requireNothingBehind } from "./gunzip-errors.ts"
import { KNOWN_FORMAT_BYTES, knownFormat } from "./known-format.ts"

/** With chunks of 64 KiB it takes 1.7 times as long. */
const CHUNK_BYTES = 1024 * 1024

/**
 * The decompressor may be some chunks ahead of its reader. Else it stops after each until that is taken: the two work
 * in turn instead of side by side.
 */
const streamOptions = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 4 * CHUNK_BYTES }

export type Compression = "none" | "gzip" | ByProgram

/** What programs unpack, and of which the agent has decoders of its own for the first three. */
export type ByProgram = "bzip2" | "xz" | "zstd" | "compress" | "lz4" | "lzip" | "lzop"

/** Counts what went in and came out, for limits and progress. */
export interface Throughput {
  packed: number
  plain: number
}

/** The SHA-256 of the plain bytes, for whoever has enough to do: computed where they come from, if that is another thread. */
export interface PlainSum {
  /** Before the first chunk comes: it will be there with the last one. */
  promised: boolean
  /** Lower-case hex. */
  sha256?: string
}

export interface DecompressOptions {
  /** For errors. */
  archive: string
  signal: AbortSignal
  throughput?: Throughput
  /** Filled in by a thread; in this one it would save nothing. */
  sum?: PlainSum | undefined
  /** Told of each chunk of the source that is not looked at any more; of some formats' it never is. */
  recycle?(chunk: Uint8Array): void
}

const NOTHING = Buffer.alloc(0)

/** Enough of the beginning to tell every format. */
const MAGIC_BYTES = 6

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["compress", [0x1f, 0x9d]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
  // With the version: the four letters before it may begin a tar, as its first member's name.
  ["lzip", [0x4c, 0x5a, 0x49, 0x50, 0x01]],
  ["lzop", [0x89, 0x4c, 0x5a, 0x4f, 0x00]],
]

const SKIPPED_FRAME = [0x2a, 0x4d, 0x18]

/** Tells a compression by its first bytes (RFC 1952, RFC 8878, the formats' own pages); names can lie. */
export function compressionOf(start: Uint8Array): Compression {
  for (const [compression, magic] of MAGICS) {
    if (magic.every((byte, index) => start[index] === byte)) return compression
  }
  // pzstd begins with a frame of its own, to be skipped (RFC 8878, 3.1.2), the last digit of whose first byte is free.
  const first = start[0] ?? 0
  if (first >>> 4 === 5 && SKIPPED_FRAME.every((byte, index) => start[index + 1] === byte)) return "zstd"
  return "none"
}

/**
 * The plain bytes of a file, whatever it is compressed with: the one place where decompressors are chosen.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT; UNSUPPORTED_FORMAT for what only programs can read that are not there
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Buffer, Compression> {
  const input = counted(source, options.throughput)
  const { start, rest } = await peek(input, MAGIC_BYTES)
  const compression = compressionOf(start)
  const plain = plainBytes(compression, rest, options)
  for await (const chunk of plain) {
    if (options.throughput !== undefined) options.throughput.plain += chunk.length
    yield chunk
  }
  return compression
}

function plainBytes(
  compression: Compression,
  source: AsyncIterable<Buffer>,
  options: DecompressOptions,
): AsyncIterable<Buffer> {
  if (compression === "none") return source
  if (compression === "gzip") return gunzipBytes(source, options)
  return byProgramOrHere(compression, source, options)
}

/**
 * By the data machine's program, which is faster; where there is none, in this process. Not by Node's own zstd: it
 * stops after the first frame of a file and calls that its end.
 */
async function* byProgramOrHere(
  compression: ByProgram,
  source: AsyncIterable<Buffer>,
  options: DecompressOptions,
): AsyncGenerator<Buffer> {
  const program = await startDecompressor(compression)
  if (program !== undefined) yield* runDecompressor(program, source, options)
  else if (compression === "bzip2") yield* (await import("./bunzip2.ts")).bunzip2Bytes(source, options)
  else if (compression === "xz") yield* (await import("./unxz.ts")).unxzBytes(source, options)
  else if (compression === "zstd") yield* (await import("./unzstd.ts")).unzstdBytes(source, options)
  else throw needsProgram(options.archive, compression)
}

/** Gunzips, all members of a multi-member file (RFC 1952, 2.2). */
export async function* gunzipBytes(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Buffer> {
  const gunzip: Gunzip = createGunzip(streamOptions)
  const tail = { bytes: 0, lastNonZero: -1, start: NOTHING }
  try {
    yield* through(tailWatched(source, tail), gunzip, options)
  } catch (error) {
    const corrupt = (error as NodeJS.ErrnoException).code === "CORRUPT"
    throw (corrupt ? otherThanGzip(options.archive, tail.start) : undefined) ?? error
  }
  requireNothingBehind(options.archive, { ...tail, used: gunzip.bytesWritten })
}

/** zlib says of it that its header is wrong. */
function otherThanGzip(archive: string, start: Buffer): Error | undefined {
  const other = compressionOf(start) === "gzip" ? undefined : knownFormat(start)
  return other === undefined ? undefined : unsupportedCompression(archive, `it is ${other}, not a gzip file`)
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  decompressor: Duplex,
  { archive, signal, recycle }: DecompressOptions,
): AsyncGenerator<Buffer> {
  const stop = addAbortListener(signal, () => decompressor.destroy(signal.reason as Error))
  const feeding = feed(source, decompressor, recycle)
  try {
    for await (const chunk of decompressor as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw decompressionError(error, archive)
  } finally {
    stop[Symbol.dispose]()
    decompressor.destroy()
    await feeding
  }
}

/**
 * Writes the source into the decompressor. One that is satisfied before the source's end (padding follows) takes no
 * more and says nothing: the rest is then only read, since its end is still to be judged.
 */
async function feed(
  source: AsyncIterable<Uint8Array>,
  decompressor: Duplex,
  recycle: DecompressOptions["recycle"],
): Promise<void> {
  let failed = false
  decompressor.once("error", () => (failed = true))
  const closed = new Promise<void>((resolve) => decompressor.once("close", resolve))
  try {
    for await (const chunk of source) {
      if (failed) return
      if (decompressor.readableEnded || decompressor.destroyed) {
        if (!decompressor.readableEnded) return
        continue
      }
      if (decompressor.write(chunk)) continue
      const drained = new Promise<true>((resolve) => decompressor.once("drain", () => resolve(true)))
      if ((await Promise.race([closed, drained])) === true) recycle?.(chunk)
    }
    if (!decompressor.destroyed) decompressor.end()
  } catch (error) {
    decompressor.destroy(error as Error)
  }
}

async function* counted(source: AsyncIterable<Uint8Array>, throughput: Throughput | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    if (throughput !== undefined) throughput.packed += chunk.length
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
}

async function* tailWatched(
  source: AsyncIterable<Uint8Array>,
  tail: { bytes: number; lastNonZero: number; start: Buffer },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (tail.bytes === 0) tail.start = Buffer.from(chunk.subarray(0, KNOWN_FORMAT_BYTES))
    let last = chunk.length - 1
    while (last >= 0 && chunk[last] === 0) last--
    if (last >= 0) tail.lastNonZero = tail.bytes + last
    tail.bytes += chunk.length
    yield chunk
  }
}

/** The first bytes of a stream, and the whole stream again. */
async function peek(
  source: AsyncGenerator<Buffer>,
  bytes: number,
): Promise<{ start: Buffer; rest: AsyncGenerator<Buffer> }> {
  const held: Buffer[] = []
  let length = 0
  while (length < bytes) {
    const { value, done } = await source.next()
    if (done === true) break
    held.push(value)
    length += value.length
  }
  async function* rest(): AsyncGenerator<Buffer> {
    try {
      for (const chunk of held.splice(0)) yield chunk
      yield* source
    } finally {
      await source.return(undefined)
    }
  }
  return { start: Buffer.concat(held), rest: rest() }
}
