import { setImmediate as turn } from "node:timers/promises"
import { ByteQueue } from "../bytes/byte-queue.ts"
import { corruptArchive, truncatedArchive } from "./damaged-archive.ts"
import type { DecompressOptions } from "./decompress.ts"
import { Deflate64Stream, EndOfInput } from "./deflate64-stream.ts"

/** Packed bytes that are looked at together. */
const INPUT_BYTES = 256 * 1024

/**
 * Decompresses Deflate64, in which Windows' own compression writes a zip's members from 2 GB on, and which zlib does not
 * know. It has no checksum of its own. What follows its end is not looked at, as with zlib's raw streams. Memory: 1.5 MiB.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT
 */
export async function* inflate64Bytes(
  source: AsyncIterable<Uint8Array>,
  { archive, signal }: DecompressOptions,
): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source)
  const stream = new Deflate64Stream()
  try {
    while (!stream.ended) {
      const more = await input.fill(INPUT_BYTES)
      signal.throwIfAborted()
      input.skip(decode(stream, input.bytes, more, archive))
      const plain = stream.take()
      if (plain.length > 0) yield plain
      await turn()
    }
  } finally {
    await input.close()
  }
}

function decode(stream: Deflate64Stream, input: Buffer, more: boolean, archive: string): number {
  try {
    return stream.decode(input, more)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    if (error instanceof EndOfInput || stream.overran(input))
      throw truncatedArchive(archive, "the compressed data ends too early")
    throw corruptArchive(archive, `the compressed data is damaged (${error.message})`, { cause: error })
  }
}
