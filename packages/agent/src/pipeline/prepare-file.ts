import { join } from "node:path"
import type { PlannedFile } from "@datamaestro/dataset"
import type { CachedDownload } from "../pipeline-types.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { sourceRecord, urlName } from "./download-source.ts"
import { consumption } from "./finish-following.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { growsUnpacked } from "./space-need.ts"
import { withDownload, type Consumption } from "./with-download.ts"
import { inWorkFolder, makeWorkFolder } from "./work-folder.ts"

const OUTPUT = "output"

/** A download of less is transformed sooner than it is worth to begin early. */
const EARLY_BYTES = 4 * 1024 * 1024

/** Fetches a file, applies its transforms while it comes, verifies the result, and places it. */
export async function prepareFile(preparation: Preparation, resource: PlannedFile): Promise<"downloaded" | "cached"> {
  return resource.transforms.length === 0
    ? await preparePlain(preparation, resource)
    : await prepareTransformed(preparation, resource)
}

/** An untransformed file is its download: all sums are checked as it arrives. */
async function preparePlain(preparation: Preparation, resource: PlannedFile): Promise<"downloaded" | "cached"> {
  const { download, target } = resource
  const { urls, size } = download
  const integrity = download.integrity.map((sum) => ({ ...sum, of: "download" as const }))
  const request = { urls, size, integrity, name: target, grows: false }
  const { extractions } = await queues()
  const { linkFile } = await import("../store/link-file.ts")
  const finish = (cached: CachedDownload): Promise<void> =>
    inWorkFolder(preparation, resource, async (work) => {
      await inTurn(extractions, preparation.signal, () => linkFile(cached.path, join(work, OUTPUT)))
      await place(preparation, resource, work, cached, cached, { quick: cached.besideCache === true })
    })
  return await withDownload(preparation, resource, request, { finish })
}

async function prepareTransformed(preparation: Preparation, resource: PlannedFile): Promise<"downloaded" | "cached"> {
  const { download, transforms, target } = resource
  const { urls, size, integrity } = download
  const early = integrity.filter(({ of }) => of === "download")
  const late = integrity.filter(({ of }) => of === "output")
  const request = { urls, size, integrity: early, name: target, grows: growsUnpacked(resource) }
  const { expectTransformation, transformInThread } = await import("../transform/transform-in-thread.ts")
  expectTransformation(transforms, size)
  const { extractions } = await queues()
  const begin = (bytes: number | undefined): Consumption => {
    const work = makeWorkFolder(preparation, resource)
    const transformation = {
      name: urlName(urls[0] ?? resource.name),
      transforms,
      output: join(work, OUTPUT),
      algorithms: ["sha256" as const, ...late.map(({ algorithm }) => algorithm)],
    }
    const following = transformInThread(transformation, stepContext(preparation, resource), bytes)
    return consumption(work, following, async ({ bytes: written, digests }, cached, moved) => {
      checkIntegrity(late, digests, { name: target, url: cached.source })
      const { sha256 } = digests
      if (sha256 === undefined) throw new Error(`the sha256 of "${target}" was not computed`)
      await place(preparation, resource, work, cached, { bytes: written, sha256 }, { moved })
    })
  }
  return await withDownload(preparation, resource, request, {
    begin: ({ total }) => (total !== undefined && total < EARLY_BYTES ? undefined : () => begin(total)),
    finish: (cached) => inTurn(extractions, preparation.signal, (leave) => begin(cached.bytes).finish(cached, leave)),
  })
}

async function place(
  preparation: Preparation,
  resource: PlannedFile,
  work: string,
  download: CachedDownload,
  { bytes, sha256 }: { bytes: number; sha256: string },
  { moved, quick = false }: { moved?: () => void; quick?: boolean },
): Promise<void> {
  const { target } = resource
  const made = {
    moves: [{ from: OUTPUT, to: target }],
    record: { ...sourceRecord(download), files: [{ path: target, bytes, sha256 }] },
    quick,
  }
  await placeResource(preparation, resource, work, made, moved)
}
