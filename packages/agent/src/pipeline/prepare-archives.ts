import { lstat, mkdir, readdir, rename } from "node:fs/promises"
import { join, relative } from "node:path"
import type { ArchivePart, PlannedBucket, PlannedConcat, PlannedMerge } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import type { ExtractedTree } from "../extract/extract-archive.ts"
import { syncTree } from "../place/sync-tree.ts"
import type { CachedDownload } from "../pipeline-types.ts"
import { filesBelow, pathsOf, type Files } from "../store/file-list.ts"
import { byParts } from "./by-parts.ts"
import { concatenate } from "./concatenate.ts"
import { sourceRecord, urlName } from "./download-source.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { FailureOf, withDownloads } from "./with-downloads.ts"
import { inWorkFolder } from "./work-folder.ts"

type Resource = PlannedConcat | PlannedMerge | PlannedBucket
type Obtained = "downloaded" | "cached"

const OUTPUT = "output"

/**
 * Fetches archives, extracts each, and makes one file or one folder of their members.
 *
 * @param archives the resource's own, or what stands in for it
 */
export async function prepareArchives(
  preparation: Preparation,
  resource: Resource,
  archives: readonly ArchivePart[],
): Promise<Obtained> {
  const use = (downloads: readonly CachedDownload[]): Promise<void> =>
    inWorkFolder(preparation, resource, async (work) => {
      const trees: ExtractedTree[] = []
      for (const [index, download] of downloads.entries()) {
        const part = archives[index]
        if (part !== undefined) trees.push(await extract(preparation, resource, part, download, join(work, `${index}`)))
      }
      const made =
        resource.kind === "concat" ? await oneFile(preparation, resource, trees, work) : await oneFolder(trees)
      const [source] = downloads
      await placeResource(preparation, resource, work, {
        moves: [{ from: relative(work, made.path).replaceAll("\\", "/"), to: resource.target }],
        record: {
          ...(source === undefined ? {} : sourceRecord(source)),
          files: made.filesBelow(resource.target),
        },
      })
    })
  const requests = archives.map(({ download: { urls, size, integrity } }) => ({ urls, size, integrity, archive: true }))
  return await withDownloads(preparation, resource, requests, use, "in turn")
}

async function extract(
  preparation: Preparation,
  resource: Resource,
  part: ArchivePart,
  download: CachedDownload,
  output: string,
): Promise<ExtractedTree> {
  const { extractions } = await queues()
  const { extractArchive } = await import("../extract/extract-archive.ts")
  const { kind, strip, subpath, files, include } = part
  const request = {
    kind,
    source: download.path,
    archive: urlName(download.url),
    output,
    selection: { strip, subpath, files, include },
    verified: part.download.integrity.length > 0,
  }
  return await inTurn(extractions, preparation.signal, async () => {
    try {
      return await extractArchive(request, stepContext(preparation, resource))
    } catch (error) {
      throw new FailureOf(download, error)
    }
  })
}

/** What was made in the work folder, and its files once they are below the target. */
interface Made {
  path: string
  filesBelow(target: string): Files
}

async function oneFile(
  preparation: Preparation,
  resource: PlannedConcat,
  trees: readonly ExtractedTree[],
  work: string,
): Promise<Made> {
  const path = join(work, OUTPUT)
  const members = trees.flatMap(({ root, files }) =>
    [...pathsOf(files)].sort(byParts).map((name) => ({ path: join(root, name), name })),
  )
  const { extractions } = await queues()
  const written = await inTurn(extractions, preparation.signal, () =>
    concatenate({ members, output: path, resource }, stepContext(preparation, resource)),
  )
  return { path, filesBelow: (target) => [{ path: target, ...written }] }
}

async function oneFolder(trees: readonly ExtractedTree[]): Promise<Made> {
  const [first, ...others] = trees
  if (first === undefined) throw new Error("there is nothing to merge")
  for (const tree of others) await moveInto(tree.root, first.root, "")
  const files = trees.map((tree) => tree.files)
  await syncTree(first.root, pathsOf(filesBelow("", ...files)))
  return { path: first.root, filesBelow: (target) => filesBelow(target, ...files) }
}

/** Moves a folder's content into another one; folders of one name become one, files of one name are an error. */
async function moveInto(from: string, to: string, below: string): Promise<void> {
  for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    const old = await lstat(join(to, path)).catch(() => undefined)
    if (old === undefined) await rename(join(from, path), join(to, path))
    else if (entry.isDirectory() && old.isDirectory()) {
      await mkdir(join(to, path), { recursive: true })
      await moveInto(from, to, path)
    } else {
      throw new DatamaestroError("BROKEN_DEFINITION", `Cannot merge archives: more than one has "${path}"`, {
        hint: "tell the author of the definition: each archive needs a folder of its own",
        details: { path },
      })
    }
  }
}
