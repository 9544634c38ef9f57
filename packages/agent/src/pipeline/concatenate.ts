import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import type { PlannedConcat, Transform } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import type { StepContext } from "../pipeline-types.ts"
import { storageError } from "../store/storage-error.ts"
import { applyTransforms } from "../transform/apply-transforms.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { removeFile } from "../store/remove-file.ts"
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
 * Of a failure nothing is left.
 */
export async function concatenate(
  { members, output, resource }: ConcatenateRequest,
  { dataset, resource: name, signal, progress }: StepContext,
): Promise<{ bytes: number; sha256: string }> {
  const hasher = new StreamHasher(["sha256", ...resource.integrity.map(({ algorithm }) => algorithm)])
  try {
    const file = await open(output, "wx")
    try {
      for (const member of members) {
        const source = createReadStream(member.path, { highWaterMark: CHUNK_BYTES })
        try {
          const transforms: Transform[] = COMPRESSED.test(member.name) ? [{ kind: "decompress" }] : []
          transforms.push(...resource.transforms)
          for await (const chunk of applyTransforms(transforms, source, { name: member.name, signal })) {
            if (signal.aborted) throw interrupted()
            hasher.update(chunk)
            for (let offset = 0; offset < chunk.length;) offset += (await file.write(chunk, offset)).bytesWritten
            progress({ phase: "transform", dataset, resource: name, bytes: hasher.bytes })
          }
        } finally {
          source.destroy()
        }
      }
      await syncOpenFile(file)
    } finally {
      await file.close()
    }
    const digests = hasher.digests()
    checkIntegrity(resource.integrity, digests, { name: resource.target })
    return { bytes: hasher.bytes, sha256: digests.sha256 ?? "" }
  } catch (error) {
    await removeFile(output)
    if (signal.aborted) throw interrupted()
    throw storageError(error, `write "${output}"`)
  }
}
