import { join } from "node:path"
import type { PlannedFile } from "@datamaestro/dataset"
import type { CachedDownload } from "../pipeline-types.ts"
import { readPlacement } from "../place/placement.ts"
import { transformFile } from "../transform/transform-file.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { sourceRecord, urlName } from "./download-source.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { growsUnpacked } from "./space-need.ts"
import { withDownload } from "./with-download.ts"
import { makeWorkFolder, removeWorkFolder } from "./work-folder.ts"

const OUTPUT = "output"

/** Fetches a file, applies its transforms, verifies the result while it is written, and places it. */
export async function prepareFile(preparation: Preparation, resource: PlannedFile): Promise<"downloaded" | "cached"> {
  const { download, transforms, target } = resource
  const plain = transforms.length === 0
  // An untransformed file is its download: all sums can be checked as it arrives.
  const early = download.integrity.filter(({ of }) => plain || of === "download")
  const late = download.integrity.filter(({ of }) => !plain && of === "output")
  const request = {
    urls: download.urls,
    integrity: early.map((sum) => ({ ...sum, of: "download" as const })),
    size: download.size,
    grows: growsUnpacked(resource),
  }
  const { extractions } = await queues()
  const finish = async (cached: CachedDownload): Promise<void> => {
    const work = makeWorkFolder(preparation, resource)
    try {
      const output = join(work, OUTPUT)
      const written = await inTurn(extractions, preparation.signal, () =>
        transformFile(
          {
            path: cached.path,
            name: urlName(cached.url),
            known: { bytes: cached.bytes, digests: { sha256: cached.sha256 } },
            transforms,
            output,
            algorithms: ["sha256", ...late.map(({ algorithm }) => algorithm)],
            hasher: (algorithms) => new StreamHasher(algorithms),
          },
          stepContext(preparation, resource),
        ),
      )
      checkIntegrity(late, written.digests, { name: target, url: cached.source })
      const sha256 = written.digests.sha256
      if (sha256 === undefined) throw new Error(`the sha256 of "${target}" was not computed`)
      await placeResource(preparation, resource, work, {
        moves: [{ from: OUTPUT, to: target }],
        record: { ...sourceRecord(cached), files: [{ path: target, bytes: written.bytes, sha256 }] },
      })
    } catch (error) {
      // What is ready is whole: the next run only has to move it.
      if ((await readPlacement(work)) === undefined) await removeWorkFolder(work)
      throw error
    }
  }
  return await withDownload(preparation, resource, request, { finish })
}
