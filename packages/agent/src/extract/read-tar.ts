import type { TarVisitor } from "./tar-members.ts"
import { TarReading } from "./tar-reading.ts"
import { BLOCK } from "./tar-header.ts"

export interface ReadTarOptions {
  archive: string
  signal: AbortSignal
  /** Bytes known to be those that the author published: a missing end-of-archive mark is then their habit, no cut. */
  whole: boolean
  /** Called after each piece, to check limits; reading goes on once its promise is fulfilled. */
  afterPiece?(): Promise<void> | undefined
}

/**
 * How much is parsed, and so written synchronously, before others get their turn. They get it often: the decompressor
 * works on another processor, but goes on to its next chunk in this thread.
 */
const PIECE_BYTES = 256 * BLOCK
const TURN_MILLISECONDS = 1

/**
 * Reads an uncompressed tar stream (ustar, pax, GNU).
 *
 * @returns whether more follows its end, which is left out, as by tar without -i
 * @throws DatamaestroError TRUNCATED, CORRUPT, UNSAFE_ARCHIVE (devices, fifos, unsafe names), UNSUPPORTED_FORMAT
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  visitor: TarVisitor,
  options: ReadTarOptions,
): Promise<boolean> {
  const reading = new TarReading(visitor, options.archive)
  let turn = performance.now()
  const others = async (): Promise<void> => {
    await options.afterPiece?.()
    if (performance.now() - turn < TURN_MILLISECONDS) return
    await new Promise((resolve) => setImmediate(resolve))
    options.signal.throwIfAborted()
    turn = performance.now()
  }
  try {
    for await (const chunk of source) {
      for (let offset = 0; offset < chunk.length; offset += PIECE_BYTES) {
        for (const _ of reading.write(chunk.subarray(offset, offset + PIECE_BYTES))) await others()
        await others()
      }
    }
    reading.end(options.whole)
    return reading.exceeded
  } catch (error) {
    reading.discard()
    throw reading.told(error)
  }
}
