import { constants, createReadStream } from "node:fs"
import { copyFile, link, open, rm, type FileHandle } from "node:fs/promises"
import type { HashAlgorithm, Transform } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import type { StepContext } from "../pipeline-types.ts"
import { errnoName } from "../store/errno-name.ts"
import { storageError } from "../store/storage-error.ts"
import { applyTransforms } from "./apply-transforms.ts"

/** Digests by algorithm, lower-case hex. */
export type Digests = Readonly<Partial<Record<HashAlgorithm, string>>>

/** Sees the output's bytes as they are written. */
export interface Hasher {
  readonly bytes: number
  update(chunk: Uint8Array): void
  digests(): Digests
}

export interface TransformRequest {
  /** The downloaded file, absolute; never changed. */
  path: string
  /** What errors call it, e.g. the last part of its URL. */
  name: string
  /** What is known of the download: then an untransformed file needs no pass over its bytes. */
  known: { bytes: number; digests: Digests }
  transforms: readonly Transform[]
  /** A new file, on the same file system as its final place. */
  output: string
  /** Hashes of the output to compute while writing. */
  algorithms: readonly HashAlgorithm[]
  hasher: (algorithms: readonly HashAlgorithm[]) => Hasher
}

export interface TransformedFile {
  bytes: number
  digests: Digests
}

const CHUNK_BYTES = 1024 * 1024
const REPORT_MILLISECONDS = 100

/**
 * Writes a download's output, transformed and hashed in one pass, and makes it durable; on failure there is no output.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, NO_SPACE…, INTERRUPTED
 */
export async function transformFile(request: TransformRequest, context: StepContext): Promise<TransformedFile> {
  try {
    const { known, transforms, algorithms } = request
    if (transforms.length === 0 && algorithms.every((algorithm) => known.digests[algorithm] !== undefined)) {
      await linkOrCopy(request.path, request.output)
      return known
    }
    return await rewrite(request, context)
  } catch (error) {
    const told = storageError(error, `write "${request.output}"`)
    await rm(request.output, { force: true })
    if (context.signal.aborted) throw interrupted()
    throw told
  }
}

/** The same bytes under a second name, where the file system can, else a copy (a clone where it can do that). */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
    return
  } catch (error) {
    if (["ENOENT", "EEXIST", "ENOSPC", "EDQUOT"].includes(errnoName(error) ?? "")) throw error
  }
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(to, "r+")
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function rewrite(request: TransformRequest, context: StepContext): Promise<TransformedFile> {
  const { dataset, resource, signal, progress } = context
  const hasher = request.hasher(request.algorithms)
  const source = createReadStream(request.path, { highWaterMark: CHUNK_BYTES })
  const read = { bytes: 0 }
  const plain = applyTransforms(request.transforms, watched(source, read), { name: request.name, signal })
  let reported = 0
  const file = await open(request.output, "wx")
  try {
    for await (const chunk of plain) {
      if (signal.aborted) throw interrupted()
      // Another thread writes while this one hashes.
      const writing = writeAll(file, chunk)
      hasher.update(chunk)
      await writing
      if (performance.now() - reported < REPORT_MILLISECONDS) continue
      reported = performance.now()
      progress({ phase: "transform", dataset, resource, bytes: read.bytes, total: request.known.bytes })
    }
    await file.sync()
  } finally {
    source.destroy()
    await file.close()
  }
  return { bytes: hasher.bytes, digests: hasher.digests() }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) offset += (await file.write(chunk, offset)).bytesWritten
}

async function* watched(source: AsyncIterable<Buffer>, read: { bytes: number }): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    read.bytes += chunk.length
    yield chunk
  }
}
