import { setImmediate as turn } from "node:timers/promises"
import { Bzip2Block, Bzip2Fault, OutOfBits } from "./bzip2-block.ts"
import { ByteQueue } from "../bytes/byte-queue.ts"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "./damaged-archive.ts"
import type { DecompressOptions } from "./decompress.ts"

const HEADER_BYTES = 4
/** Packed bytes of a block of level 1 at most, as programs write them; what is larger is read all the same. */
const LIKELY_BLOCK_BYTES = 128 * 1024

/**
 * Decompresses bzip2, all streams of a file of several; each block's and each stream's CRC is checked. Memory: one block.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT; UNSUPPORTED_FORMAT for the randomised blocks of bzip2 before 0.9.5
 */
export async function* bunzip2Bytes(
  source: AsyncIterable<Uint8Array>,
  { archive, signal }: DecompressOptions,
): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source)
  try {
    if (!(await input.fill(1))) throw truncatedArchive(archive, "it is empty")
    let block: Bzip2Block | undefined
    while (await input.fill(1)) {
      if (block !== undefined && input.bytes[0] === 0) return await requirePadding(input, archive)
      const level = await readLevel(input, archive, block === undefined)
      if (block?.level !== level) block = new Bzip2Block(level)
      yield* blocksOf(input, block, archive, signal)
    }
  } finally {
    await input.close()
  }
}

/** Zeros behind the last stream are padding, as of tapes. */
async function requirePadding(input: ByteQueue, archive: string): Promise<void> {
  while (await input.fill(1)) {
    if (input.bytes.some((byte) => byte !== 0)) throw behind(archive)
    input.skip(input.bytes.length)
  }
}

function behind(archive: string): Error {
  return corruptArchive(archive, "there is something else after its compressed data")
}

/** `BZh1` to `BZh9`: the size of the blocks in 100 000 bytes. */
async function readLevel(input: ByteQueue, archive: string, first: boolean): Promise<number> {
  const whole = await input.fill(HEADER_BYTES)
  const header = input.take(Math.min(HEADER_BYTES, input.bytes.length)).toString("latin1")
  if (/^BZh[1-9]$/.test(header)) return Number(header[3])
  if (!whole && "BZh".startsWith(header)) throw truncatedArchive(archive, "the compressed data ends too early")
  throw first ? corruptArchive(archive, "the compressed data is damaged (no bzip2 header)") : behind(archive)
}

async function* blocksOf(
  input: ByteQueue,
  block: Bzip2Block,
  archive: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { level } = block
  let bit = 0
  let streamCrc = 0
  for (let wanted = LIKELY_BLOCK_BYTES * level; ;) {
    const enough = await input.fill(wanted)
    signal.throwIfAborted()
    try {
      const end = block.read(input.bytes, bit)
      input.skip(block.position >>> 3)
      bit = block.position & 7
      if (end) {
        // The rest of the last byte is padding.
        if (bit > 0) input.skip(1)
        if (block.crc !== streamCrc) throw new Bzip2Fault("its CRC does not match")
        return
      }
      yield* block.bytes()
    } catch (error) {
      if (error instanceof OutOfBits && enough) {
        wanted *= 2
        continue
      }
      throw faultOf(error, archive)
    }
    streamCrc = (block.crc ^ ((streamCrc << 1) | (streamCrc >>> 31))) >>> 0
    wanted = LIKELY_BLOCK_BYTES * level
    // A block takes some tens of milliseconds.
    await turn()
  }
}

function faultOf(error: unknown, archive: string): unknown {
  if (error instanceof OutOfBits) return truncatedArchive(archive, "the compressed data ends too early")
  if (!(error instanceof Bzip2Fault)) return error
  if (error.unsupported) return unsupportedCompression(archive, error.message, "bzip2")
  return corruptArchive(archive, `the compressed data is damaged (${error.message})`, { cause: error })
}
