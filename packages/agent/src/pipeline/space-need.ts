import { downloadsOf, type ArchivePart, type PlannedResource, type Transform } from "@datamaestro/dataset"
import type { DownloadCache } from "../store/cache.ts"
import type { FoundDataset } from "./found-dataset.ts"
import { shapeOf } from "./shape-of.ts"
import type { StoredResource } from "./stored-resource.ts"
import type { SpaceNeed } from "./least-space.ts"
import { totalBytes } from "../store/file-list.ts"

/** A resource's downloads, in bytes. */
export interface PackedBytes {
  /** What lacks of them, as far as is known. */
  missing: number
  /** What is in the cache, parts too. */
  present: number
}

/**
 * What a resource takes where its dataset is. Of an output that was made before, its size and files are recorded; of another one as much is
 * sure as was packed, unless only parts of it are wanted.
 *
 * @param apart the cache is on a file system of its own, which has the downloads
 */
export function spaceNeed(
  resource: StoredResource,
  found: FoundDataset,
  packed: PackedBytes,
  apart: boolean,
): SpaceNeed {
  const { missing, present } = packed
  // The file is its download, by another name; or a copy of it.
  if (isPlainFile(resource)) return { fetch: 0, output: apart ? missing + present : missing, freed: 0, files: 1 }
  const downloads = apart ? { fetch: 0, freed: 0 } : { fetch: missing, freed: present }
  const record = found.manifest.record(resource.name)
  const files = record?.shape === shapeOf(resource) ? record.files : undefined
  if (files !== undefined) {
    const output = totalBytes(files)
    return { ...downloads, output, files: files.length }
  }
  // Of several downloads each is a part of it.
  const output = growsUnpacked(resource) ? missing + present : 0
  return { ...downloads, output, files: 0 }
}

/** What it takes where the cache is, if nothing is made of it there. */
export function fetchNeed({ missing }: PackedBytes): SpaceNeed {
  return { fetch: missing, output: 0, freed: 0, files: 0 }
}

/**
 * What the cache has of a resource's downloads.
 *
 * @param parts bytes of the cache's unfinished parts, by key
 * @param sizeOf bytes by the first URL, where somebody told them
 */
export async function packedBytes(
  resource: StoredResource,
  cache: DownloadCache,
  parts: ReadonlyMap<string, number>,
  sizeOf: (url: string) => number | undefined = () => undefined,
): Promise<PackedBytes> {
  let missing = 0
  let present = 0
  for (const { urls, size } of downloadsOf(resource)) {
    const [url] = urls
    if (url === undefined) continue
    const key = cache.keyOf(url)
    const entry = await cache.find(key)
    const there = entry?.bytes ?? parts.get(key) ?? 0
    present += there
    if (entry === undefined) missing += Math.max(0, (size ?? sizeOf(url) ?? 0) - there)
  }
  return { missing, present }
}

/** Whether what is made of the downloads is surely no smaller than they are. */
export function growsUnpacked(resource: PlannedResource): boolean {
  switch (resource.kind) {
    case "file":
      return resource.transforms.length > 0 && resource.transforms.every(onlyUnpacks)
    case "tar":
    case "zip":
      return isWhole(resource)
    case "merge":
      return resource.archives.every(isWhole)
    default:
      return false
  }
}

function isPlainFile(resource: StoredResource): boolean {
  return resource.kind === "file" && resource.transforms.length === 0
}

function onlyUnpacks({ kind }: Transform): boolean {
  return kind === "gunzip" || kind === "decompress"
}

function isWhole({ subpath, files, include }: ArchivePart): boolean {
  return subpath === undefined && files === undefined && include === undefined
}
