import type { FileHandle } from "node:fs/promises"
import { compressionOf, decompress, type DecompressOptions } from "../compression/decompress.ts"
import { gunzipInThread } from "../compression/gunzip-in-thread.ts"
import type { FollowedFile } from "./followed-file.ts"

/** A whole file of less is not worth the 20 ms that a thread takes to start. */
export const THREAD_BYTES = 4 * 1024 * 1024

/**
 * The plain bytes of a download, gzip's from a thread of its own. A chunk is valid until the next one is asked for.
 *
 * @throws DatamaestroError as `decompress`; StaleBytes when the download began anew
 */
export async function* plainBytes(file: FollowedFile, options: DecompressOptions): AsyncGenerator<Buffer> {
  const start = await beginning(file)
  const small = file.size !== undefined && file.size < THREAD_BYTES
  if (small || file.inPieces || start === undefined || compressionOf(start) !== "gzip") {
    yield* decompress(file.chunks(), { ...options, recycle: (chunk) => file.recycle(chunk) })
    return
  }
  const opened = new Set<FileHandle>()
  try {
    yield* gunzipInThread(file.ranges(opened), options)
  } finally {
    for (const handle of opened) await handle.close()
  }
}

/** Some bytes from its start, once there are any; undefined when it is empty. */
export async function beginning(file: FollowedFile): Promise<Buffer | undefined> {
  for await (const chunk of file.chunks()) return chunk
  return undefined
}
