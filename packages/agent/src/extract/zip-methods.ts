import type { Readable } from "node:stream"
import { createInflateRaw } from "node:zlib"
import type { DecompressOptions } from "../compression/decompress.ts"

/** How members are compressed, as far as we can read it (APPNOTE.TXT 4.4.5). */
export const METHODS = { stored: 0, deflated: 8, deflate64: 9, bzip2: 12, zstd: 93 } as const

const CHUNK_BYTES = 1024 * 1024

export function isKnownMethod(method: number): boolean {
  return Object.values<number>(METHODS).includes(method)
}

/**
 * What a member holds. Its own decompressors even where the machine has programs: one for each of many members would cost
 * more than it saves.
 */
export async function* plainStream(
  method: number,
  packed: Readable,
  options: DecompressOptions,
): AsyncGenerator<Buffer> {
  const source = packed as AsyncIterable<Buffer>
  if (method === METHODS.stored) yield* source
  else if (method === METHODS.deflated) yield* inflated(packed)
  else if (method === METHODS.deflate64)
    yield* (await import("../compression/inflate64.ts")).inflate64Bytes(source, options)
  else if (method === METHODS.bzip2) yield* (await import("../compression/bunzip2.ts")).bunzip2Bytes(source, options)
  else yield* (await import("../compression/unzstd.ts")).unzstdBytes(source, options)
}

async function* inflated(packed: Readable): AsyncGenerator<Buffer> {
  const inflater = createInflateRaw({ chunkSize: CHUNK_BYTES })
  packed.once("error", (error) => inflater.destroy(error))
  packed.pipe(inflater)
  try {
    yield* inflater as AsyncIterable<Buffer>
  } finally {
    packed.destroy()
    inflater.destroy()
  }
}
