import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import type { PlannedConcat, Transform } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import type { StepContext } from "../pipeline-types.ts"
import { storageError } from "../store/storage-error.ts"
import { applyTransforms } from "../transform/apply-transforms.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { syncOpenFile } from "../store/sync-open-file.ts"

const CHUNK_BYTES = 1024 * 1024
const COMPRESSED = /\.(?:gz|bz2|xz|zst)$/i

export interface ConcatenateRequest {
  /** Absolute paths, in order, and what errors call them. */
  members: readonly { path: string; name: string }[]
  /** A new file. */
  output: string
  resource: PlannedConcat
}

/**
 * Writes files one after the other into one, each decompressed by its own suffix and transformed, and makes it durable.
 * What a failure leaves of it goes with the work folder that it lies in.
 */
export async function concatenate(
  { members, output, resource }: ConcatenateRequest,
  { dataset, resource: name, signal, progress }: StepContext,
): Promise<{ bytes: number; sha256: string }> {
  const hasher = new StreamHasher(["sha256", ...resource.integrity.map(({ algorithm }) => algorithm)])
  try {
    const file = await open(output, "wx")
    try {
      for await (const chunk of bytesOf(members, resource.transforms, signal)) {
        if (signal.aborted) throw interrupted()
        hasher.update(chunk)
        for (let offset = 0; offset < chunk.length;) offset += (await file.write(chunk, offset)).bytesWritten
        progress({ phase: "transform", dataset, resource: name, bytes: hasher.bytes })
      }
      await syncOpenFile(file)
    } finally {
      await file.close()
    }
    const digests = hasher.digests()
    checkIntegrity(resource.integrity, digests, { name: resource.target })
    return { bytes: hasher.bytes, sha256: digests.sha256 ?? "" }
  } catch (error) {
    throw signal.aborted ? interrupted() : storageError(error, `write "${output}"`)
  }
}

async function* bytesOf(
  members: ConcatenateRequest["members"],
  transforms: readonly Transform[],
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (const { path, name } of members) {
    const source = createReadStream(path, { highWaterMark: CHUNK_BYTES })
    try {
      const own: Transform[] = COMPRESSED.test(name) ? [{ kind: "decompress" }, ...transforms] : [...transforms]
      yield* applyTransforms(own, source, { name, signal })
    } finally {
      source.destroy()
    }
  }
}
