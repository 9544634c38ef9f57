import { open } from "node:fs/promises"
import type { PlannedArchive } from "@datamaestro/dataset"
import type { CachedDownload } from "../pipeline-types.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashOpenFile } from "../verify/hash-file.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { urlName } from "./download-source.ts"
import type { Preparation } from "./preparation.ts"

/** @throws DatamaestroError CHECKSUM_MISMATCH where the pieces joined are not what is declared of the whole archive */
export async function verifyJoined(
  { signal }: Preparation,
  { download }: PlannedArchive,
  downloads: readonly CachedDownload[],
): Promise<void> {
  const [first] = downloads
  if (download.integrity.length === 0 || first === undefined) return
  const hasher = new StreamHasher(download.integrity.map(({ algorithm }) => algorithm))
  for (const { path } of downloads) {
    const file = await open(path, "r")
    try {
      await hashOpenFile(file, hasher, Number.POSITIVE_INFINITY, { signal })
    } finally {
      await file.close()
    }
  }
  const name = urlName(first.url)
  checkIntegrity(download.integrity, hasher.digests(), {
    name: `${name} and ${downloads.length - 1} more`,
    path: first.path,
  })
}
