import { readdir } from "node:fs/promises"
import { join, relative } from "node:path"
import type { PlannedArchive } from "@datamaestro/dataset"
import type { ExtractedTree } from "../extract/extract-archive.ts"
import { unsafeArchive } from "../extract/unsafe-archive.ts"
import { readPlacement } from "../place/placement.ts"
import { syncTree } from "../place/sync-tree.ts"
import type { CachedDownload } from "../pipeline-types.ts"
import { sourceRecord, urlName } from "./download-source.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { withDownload } from "./with-download.ts"
import { makeWorkFolder, removeWorkFolder } from "./work-folder.ts"

/** Names that a dataset keeps its own files under; an archive that brings them would pose as a prepared dataset. */
const OWN_NAMES = /^\.(?:downloads|state|manifest)\b/i

/** Fetches an archive, extracts it beside the dataset's content, and places it. */
export async function prepareArchive(
  preparation: Preparation,
  resource: PlannedArchive,
): Promise<"downloaded" | "cached"> {
  const { urls, size, integrity } = resource.download
  const request = { urls, size, integrity: integrity.filter(({ of }) => of === "download") }
  return await withDownload(preparation, resource, request, async (cached) => {
    const work = await makeWorkFolder(preparation, resource)
    try {
      const tree = await extract(preparation, resource, cached, work)
      const moves = await movesOf(resource, tree, work, urlName(cached.url))
      const files = tree.files.map((file) => ({ ...file, path: joined(resource.target, file.path) }))
      await placeResource(preparation, resource, work, { moves, record: { ...sourceRecord(cached), files } })
    } catch (error) {
      // What is ready is whole: the next run only has to move it.
      if ((await readPlacement(work)) === undefined) await removeWorkFolder(work)
      throw error
    }
  })
}

async function extract(
  preparation: Preparation,
  resource: PlannedArchive,
  cached: CachedDownload,
  work: string,
): Promise<ExtractedTree> {
  const { extractions } = await queues()
  const { extractArchive } = await import("../extract/extract-archive.ts")
  const { strip, subpath, files, include } = resource
  return await inTurn(extractions, preparation.signal, async () => {
    const tree = await extractArchive(
      {
        kind: resource.kind,
        path: cached.path,
        archive: urlName(cached.url),
        output: join(work, "tree"),
        selection: { strip, subpath, files, include },
        verified: resource.download.integrity.length > 0,
      },
      stepContext(preparation, resource),
    )
    await syncTree(
      tree.root,
      tree.files.map(({ path }) => path),
    )
    return tree
  })
}

async function movesOf(
  resource: PlannedArchive,
  tree: ExtractedTree,
  work: string,
  archive: string,
): Promise<{ from: string; to: string }[]> {
  const from = relative(work, tree.root).replaceAll("\\", "/")
  if (resource.target !== "") return [{ from, to: resource.target }]
  const names = await readdir(tree.root)
  const own = names.find((name) => OWN_NAMES.test(name))
  if (own !== undefined) throw unsafeArchive(archive, own, "has a name that datamaestro keeps its own files under")
  return names.map((name) => ({ from: `${from}/${name}`, to: name }))
}

function joined(target: string, path: string): string {
  return target === "" ? path : `${target}/${path}`
}
