import { readdir } from "node:fs/promises"
import { join, posix, relative } from "node:path"
import type { Download, PlannedArchive } from "@datamaestro/dataset"
import type { ExtractedTree, ExtractRequest } from "../extract/extract-archive.ts"
import { unsafeArchive } from "../extract/unsafe-archive.ts"
import { syncTree } from "../place/sync-tree.ts"
import type { CachedDownload } from "../pipeline-types.ts"
import { filesBelow, pathsOf, withJson } from "../store/file-list.ts"
import { sourceRecord, urlName } from "./download-source.ts"
import { hasEnd } from "../follow/followed-file.ts"
import { consumption, finishFollowing } from "./finish-following.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { growsUnpacked } from "./space-need.ts"
import { verifyJoined } from "./verify-joined.ts"
import { withDownload, type Consumption } from "./with-download.ts"
import { withDownloads } from "./with-downloads.ts"
import { makeWorkFolder } from "./work-folder.ts"

/** Names that a dataset keeps its own files under; an archive that brings them would pose as a prepared dataset. */
const OWN_NAMES = /^\.(?:downloads|state|manifest)\b/i

/** Fetches an archive, extracts it while it comes beside the dataset's content, and places it once it is verified. */
export async function prepareArchive(
  preparation: Preparation,
  resource: PlannedArchive,
): Promise<"downloaded" | "cached"> {
  const { urls, size, integrity, pieces } = resource.download
  if (pieces !== undefined) return await preparePieces(preparation, resource, pieces)
  const sums = integrity.filter(({ of }) => of === "download")
  const directoryAtEnd = resource.kind === "zip"
  const request = { urls, size, integrity: sums, archive: true, directoryAtEnd, grows: growsUnpacked(resource) }
  const { expectExtraction, extractInThread } = await import("../extract/extract-in-thread.ts")
  expectExtraction()
  const { extractions } = await queues()
  const begin = (): Consumption => {
    const work = makeWorkFolder(preparation, resource)
    const extraction = extractInThread(requestOf(resource, work), stepContext(preparation, resource))
    return consumption(work, extraction, (tree, download, moved) =>
      place(preparation, resource, work, { tree, downloads: [download] }, moved),
    )
  }
  return await withDownload(preparation, resource, request, {
    begin: (part) => (resource.kind === "tar" || hasEnd(part) ? begin : "later"),
    finish: (download) => inTurn(extractions, preparation.signal, (leave) => begin().finish(download, leave)),
  })
}

/** Each piece is downloaded by itself, side by side; then they are read as one, where they lie. */
async function preparePieces(
  preparation: Preparation,
  resource: PlannedArchive,
  pieces: readonly Download[],
): Promise<"downloaded" | "cached"> {
  const { extractInThread } = await import("../extract/extract-in-thread.ts")
  const { extractions } = await queues()
  const requests = pieces.map(({ urls, size, integrity }) => ({ urls, size, integrity, archive: true }))
  const use = async (downloads: readonly CachedDownload[]): Promise<void> => {
    await verifyJoined(preparation, resource, downloads)
    await inTurn(extractions, preparation.signal, async (leave) => {
      const work = makeWorkFolder(preparation, resource)
      const extraction = extractInThread(requestOf(resource, work), stepContext(preparation, resource))
      await finishFollowing(work, extraction, downloads, (tree) =>
        place(preparation, resource, work, { tree, downloads }, leave),
      )
    })
  }
  return await withDownloads(preparation, resource, requests, use, "together")
}

function requestOf(resource: PlannedArchive, work: string): Omit<ExtractRequest, "source"> {
  const { strip, subpath, files, include } = resource
  return {
    kind: resource.kind,
    archive: urlName((resource.download.pieces?.[0] ?? resource.download).urls[0] ?? resource.name),
    output: join(work, "tree"),
    selection: { strip, subpath, files, include },
    verified: resource.download.integrity.length > 0,
  }
}

async function place(
  preparation: Preparation,
  resource: PlannedArchive,
  work: string,
  { tree, downloads }: { tree: ExtractedTree; downloads: readonly CachedDownload[] },
  moved: () => void,
): Promise<void> {
  const [download] = downloads
  if (download === undefined) throw new Error("there is nothing to extract")
  const syncing = syncTree(tree.root, pathsOf(tree.files))
  // Awaited below; what is made meanwhile must not turn a failed sync into an unhandled one.
  syncing.catch(() => {})
  const moves = await movesOf(resource, tree, work, urlName(download.url))
  // Both what is ready and the manifest say it; the disk is busy for a while.
  const files = withJson(filesBelow(resource.target, tree.files))
  const links = tree.links.map((link) => posix.join(resource.target, link))
  await syncing
  // Of several only where they came from: no sum of one is that of the archive.
  const source = downloads.length === 1 ? sourceRecord(download) : { source: download.source }
  await placeResource(preparation, resource, work, { moves, record: { ...source, files, links } }, moved)
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
