import type { HashAlgorithm } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import { open, type FileHandle } from "node:fs/promises"
import { StreamHasher, type Digests } from "./stream-hasher.ts"

const CHUNK_BYTES = 1024 * 1024

export interface HashFileOptions {
  signal?: AbortSignal
  /** Bytes hashed so far, after each MiB. */
  onBytes?(bytes: number): void
}

export interface HashedFile {
  bytes: number
  digests: Digests
}

/** Hashes a file in one pass, reading the next MiB while the last one is hashed; memory stays at 2 MiB. */
export async function hashFile(
  path: string,
  algorithms: Iterable<HashAlgorithm>,
  options: HashFileOptions = {},
): Promise<HashedFile> {
  const hasher = new StreamHasher(algorithms)
  const file = await open(path, "r")
  try {
    await hashOpenFile(file, hasher, Number.POSITIVE_INFINITY, options)
  } finally {
    await file.close()
  }
  return { bytes: hasher.bytes, digests: hasher.digests() }
}

/** Of files that were read whole: for each of many small ones new ones would be made. */
const spare: Buffer[] = []
const MOST_SPARE = 8

/** Feeds a file's bytes from the start up to `end` (or its end) to the hasher; says how many there were. */
export async function hashOpenFile(
  file: FileHandle,
  hasher: StreamHasher,
  end: number,
  { signal, onBytes }: HashFileOptions = {},
): Promise<number> {
  const buffers = Array.from({ length: 2 }, () => spare.pop() ?? Buffer.allocUnsafe(CHUNK_BYTES))
  let position = 0
  const next = (turn: number): Promise<Buffer> => read(file, buffers[turn % 2] as Buffer, position, end)
  let reading = next(0)
  for (let turn = 1; ; turn++) {
    const chunk = await reading
    if (chunk.length === 0) {
      if (spare.length < MOST_SPARE) spare.push(...buffers)
      return position
    }
    if (signal?.aborted === true) throw interrupted()
    position += chunk.length
    reading = next(turn)
    // Seen again by the await above; hashing must not turn a failed read into an unhandled one.
    reading.catch(() => {})
    hasher.update(chunk)
    onBytes?.(position)
  }
}

async function read(file: FileHandle, buffer: Buffer, position: number, end: number): Promise<Buffer> {
  const length = Math.min(buffer.length, end - position)
  if (length <= 0) return buffer.subarray(0, 0)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}
