// The default, and not by import(): in the bundle a CommonJS module that is loaded later has no names. This file is loaded when it is needed.
import xz from "xz-decompress"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "./damaged-archive.ts"
import type { DecompressOptions } from "./decompress.ts"

/** xz_ret of xz-embedded, as the library's message ends with it. */
const FAULT = /error code (\d+)$/
const [UNSUPPORTED_CHECK, MEMORY, MEMORY_LIMIT, OPTIONS, BUFFER] = [2, 3, 4, 6, 8]

/**
 * Decompresses xz (xz-embedded in WebAssembly), all streams of a file of several; CRC-32 and CRC-64 are checked.
 * Memory: the dictionary, 64 MiB at most, which is what `xz -9` uses.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT; UNSUPPORTED_FORMAT for larger dictionaries, SHA-256 as check, rare filters
 */
export async function* unxzBytes(
  source: AsyncIterable<Uint8Array>,
  { archive, signal }: DecompressOptions,
): AsyncGenerator<Buffer> {
  let failure: { error: unknown } | undefined
  const plain = new xz.XzReadableStream(streamOf(source, (error) => (failure ??= { error })))
  try {
    for await (const chunk of plain) {
      signal.throwIfAborted()
      if (chunk.length > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    }
  } catch (error) {
    if (failure !== undefined) throw failure.error
    throw faultOf(error, archive)
  }
}

/** The library waits for bytes that never come unless the end is a chunk of its own. */
function streamOf(source: AsyncIterable<Uint8Array>, fail: (error: unknown) => void): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let next = await chunks.next()
          while (next.done !== true && next.value.length === 0) next = await chunks.next()
          controller.enqueue(next.done === true ? new Uint8Array(0) : next.value)
        } catch (error) {
          fail(error)
          controller.error(error)
        }
      },
      async cancel() {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

function faultOf(error: unknown, archive: string): unknown {
  const found = error instanceof Error ? FAULT.exec(error.message) : null
  if (found === null) return error
  const code = Number(found[1])
  if (code === BUFFER) return truncatedArchive(archive, "the compressed data ends too early", { cause: error })
  if (code === UNSUPPORTED_CHECK || code === OPTIONS) {
    return unsupportedCompression(archive, "it uses options of xz that only the program knows", "xz")
  }
  if (code === MEMORY || code === MEMORY_LIMIT) {
    return unsupportedCompression(archive, "it needs more than 64 MiB of memory, which only the program takes", "xz")
  }
  return corruptArchive(archive, "the compressed data is damaged", { cause: error })
}
