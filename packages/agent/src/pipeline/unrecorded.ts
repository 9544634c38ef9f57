import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import { downloadsOf, type Integrity } from "@datamaestro/dataset"
import type { GlobalSettings } from "@datamaestro/protocol"
import { sourcesOf } from "../fetch/sources.ts"
import { findNestedDataset, holdsFiles, isDotFile } from "../place/nested-dataset.ts"
import type { ManifestRecord } from "../store/manifest.ts"
import { urlName } from "./download-source.ts"
import { DOWNLOADS_FOLDER } from "../store/dataset-names.ts"
import { exists } from "../store/exists.ts"
import type { FoundDataset } from "./found-dataset.ts"
import { shapeOf } from "./shape-of.ts"
import { isDataLink, type StoredResource } from "./stored-resource.ts"
import { isMovable, isSharedPlace, pythonFolder } from "./python-place.ts"

type Mirrors = GlobalSettings["mirrors"] | undefined

/** What lies at a resource's place and may be its content, though nothing of ours says that it is complete. */
export interface Unrecorded {
  /** Below the dataset's folder. */
  entries: string[]
  /** What the manifest has of it, under its own name or a former one. */
  known: ManifestRecord | undefined
  /** Under a former one. */
  renamed: ManifestRecord | undefined
  /** The folder in which Python datamaestro has it, if that is another one than ours. */
  elsewhere: string | undefined
}

/**
 * Looks for it without reading or changing anything.
 *
 * @param onlySound what can be held against another machine's sums, file by file, is not taken as it is
 */
export async function findUnrecorded(
  found: FoundDataset,
  resource: StoredResource,
  mirrors: Mirrors,
  onlySound = false,
): Promise<Unrecorded | undefined> {
  const own = found.manifest.record(resource.name)
  const renamed = own === undefined ? renamedFrom(found, resource, mirrors) : undefined
  const known = own ?? renamed
  const entries = await contentOf(found, resource, known)
  const elsewhere = onlySound && renamed === undefined ? undefined : await pythonFolder(found, resource)
  if (elsewhere !== undefined && entries.every((entry) => entry === elsewhere)) {
    const movable = (await hasPromised(found, resource, elsewhere)) && (await isMovable(found, resource, elsewhere))
    return movable ? { entries, known, renamed, elsewhere } : undefined
  }
  if (entries.length === 0 || !(await hasPromised(found, resource))) return undefined
  if (found.isOutdated(resource) || !found.leadsToItsPlace(resource)) return undefined
  if (isAnothers(found, resource, entries, renamed)) return undefined
  return { entries, known, renamed, elsewhere: undefined }
}

/** Whether somebody stopped in the middle of it. */
export async function isUnfinished(found: FoundDataset, resource: StoredResource): Promise<boolean> {
  return found.state.of(resource.name) === "partial" || (await isHalfMoved(found, resource))
}

/** Whether a preparation would leave it as it is, or take it over, as far as that is told without reading it. */
export async function isStanding(found: FoundDataset, resource: StoredResource, mirrors: Mirrors): Promise<boolean> {
  if (found.manifest.record(resource.name) !== undefined) {
    return found.leadsToItsPlace(resource) && (await found.isComplete(resource))
  }
  const unrecorded = await findUnrecorded(found, resource, mirrors)
  if (unrecorded === undefined) return false
  const { renamed, elsewhere } = unrecorded
  return renamed !== undefined || elsewhere !== undefined || !(await isUnfinished(found, resource))
}

/**
 * Everything that is needed is complete and there, also if only the state that Python datamaestro wrote says so: for
 * folders we may not write to.
 */
export async function isUsable(found: FoundDataset): Promise<boolean> {
  const isThere = (resource: StoredResource): Promise<boolean> => isCompleteThere(found, resource)
  for (const resource of found.stored) {
    if (!(await isThere(resource)) && (await found.isNeeded(resource, isThere))) return false
  }
  return true
}

async function isCompleteThere(found: FoundDataset, resource: StoredResource): Promise<boolean> {
  if (!(await found.isComplete(resource))) return false
  if (found.manifest.record(resource.name) !== undefined) return true
  // Python's calls an archive complete of which nothing is there, once it was killed while it extracted it.
  const unrecorded = await findUnrecorded(found, resource, undefined)
  return unrecorded !== undefined && unrecorded.elsewhere === undefined
}

/**
 * Python datamaestro moves what it has extracted into the dataset's folder entry by entry: what it left behind tells
 * that it was killed over that.
 */
async function isHalfMoved(found: FoundDataset, { name, target }: StoredResource): Promise<boolean> {
  return (
    target === "" && found.state.of(name) === undefined && (await exists(join(found.folder, DOWNLOADS_FOLDER, name)))
  )
}

/** What is recorded under a former name, if this resource would be the same: from the same source, and whole. */
function renamedFrom(found: FoundDataset, resource: StoredResource, mirrors: Mirrors): ManifestRecord | undefined {
  const shape = shapeOf(resource)
  const sources = downloadsOf(resource).flatMap(({ urls }) => sourcesOf(urls, mirrors))
  for (const name of found.former.ofShape(shape)) {
    const record = found.manifest.record(name)
    if (record === undefined || found.state.of(name) !== "complete") continue
    if (record.source === undefined ? sources.length === 0 : sources.includes(record.source)) return record
  }
  return undefined
}

/** Whether an older definition had something else at the place, as far as that is known, and no declared sum tells. */
function isAnothers(
  found: FoundDataset,
  resource: StoredResource,
  entries: readonly string[],
  renamed: ManifestRecord | undefined,
): boolean {
  if (declaredSums(resource).length > 0) return false
  const records = found.former.at(resource, entries).map((name) => found.manifest.record(name))
  return records.some((record) => record !== renamed && (record?.shape ?? record?.source) !== undefined)
}

/**
 * The entries, below the dataset's folder, that can only be this resource's content. Dot files, the places of other
 * resources, folders of other datasets and folders without any file are none.
 */
async function contentOf(
  found: FoundDataset,
  resource: StoredResource,
  known: ManifestRecord | undefined,
): Promise<string[]> {
  const { folder, plan } = found
  if (resource.target !== "") {
    const path = join(folder, resource.target)
    const stat = await lstat(path).catch(() => undefined)
    if (stat === undefined) return []
    if (["file", "concat", "wayback"].includes(resource.kind)) return stat.isFile() ? [resource.target] : []
    if (!(await found.linksLead(resource))) return []
    if (isDataLink(resource)) return [resource.target]
    if (resource.kind === "manual" && stat.isFile()) return resource.unpack === undefined ? [resource.target] : []
    if (!stat.isDirectory()) return resource.kind === "step" ? [resource.target] : []
    if (known === undefined && isSharedPlace(plan, resource)) return []
    return (await holdsFiles(path)) ? [resource.target] : []
  }
  const others = plan.resources.filter((other) => "target" in other && other.name !== resource.name)
  // With two that fill the folder itself nobody can tell whose an entry is.
  if (others.some((other) => "target" in other && other.target === "")) return []
  const taken = new Set(others.map((other) => ("target" in other ? other.target.split("/")[0] : "")))
  // The archive itself, brought here by hand, is not what it holds.
  const archives = new Set(downloadsOf(resource).flatMap(({ urls }) => urls.map(urlName)))
  const recorded = known?.entries
  const names = recorded ?? (await readdir(folder).catch(() => []))
  const content: string[] = []
  for (const name of names) {
    if (isDotFile(name) || taken.has(name)) continue
    const path = join(folder, name)
    const stat = await lstat(path).catch(() => undefined)
    // What we recorded and somebody removed since: it is not whole.
    if (stat === undefined) return []
    if (stat.isFile() && recorded === undefined && archives.has(name)) continue
    if (stat.isDirectory() && (!(await holdsFiles(path)) || (await findNestedDataset(path)) !== undefined)) continue
    content.push(name)
  }
  return content
}

/** Every place that the prepared value or the definition names exists. */
async function hasPromised(found: FoundDataset, resource: StoredResource, place = resource.target): Promise<boolean> {
  const files = "files" in resource ? (resource.files ?? []) : []
  for (const path of [...found.promised(resource).map((segments) => segments.join("/")), ...files]) {
    if (!(await exists(join(found.folder, place, path)))) return false
  }
  return true
}

/** The sums of the one file that a resource is, at its final place. */
export function declaredSums(resource: StoredResource): Integrity[] {
  if (resource.kind === "concat") return resource.integrity
  if (resource.kind === "manual") return resource.unpack === undefined ? resource.integrity : []
  if (resource.kind !== "file") return []
  return resource.download.integrity.filter(({ of }) => of === "output" || resource.transforms.length === 0)
}
