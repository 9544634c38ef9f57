import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import { downloadsOf, type Integrity } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { sourcesOf } from "../fetch/sources.ts"
import { findNestedDataset, holdsFiles, isDotFile } from "../place/nested-dataset.ts"
import type { Files, ManifestFile } from "../store/file-list.ts"
import type { ManifestRecord } from "../store/manifest.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { urlName } from "./download-source.ts"
import { exists, shapeOf, type FoundDataset, type StoredResource } from "./found-dataset.ts"
import type { Recorded } from "./place-resource.ts"
import { listFiles } from "./list-files.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { isSharedPlace, moveFromPython, pythonFolder } from "./python-place.ts"

const REPORT_MILLISECONDS = 100

export interface Adopted extends Recorded {
  /** Where it is, if nothing tells whether it is what it should be. */
  unverified?: string
}

/**
 * Takes over what is at a resource's final place although nothing of ours recorded it: prepared by Python datamaestro,
 * copied there by a person, or placed just before a kill. `undefined`: it did not.
 *
 * With a declared sum of the output, or one that we recorded ourselves, it is verified; otherwise it is taken over only
 * if no state speaks of unfinished work, and told as unverified.
 */
export async function adopt(preparation: Preparation, resource: StoredResource): Promise<Adopted | undefined> {
  try {
    return await tryAdopt(preparation, resource)
  } catch (error) {
    throw storageError(error, `read "${preparation.folder}"`)
  }
}

async function tryAdopt(preparation: Preparation, resource: StoredResource): Promise<Adopted | undefined> {
  const { found, options } = preparation
  const own = found.manifest.record(resource.name)
  const renamed = own === undefined ? renamedFrom(preparation, resource) : undefined
  const known = own ?? renamed
  const entries = await contentOf(preparation, resource, known)
  // What can be held against another machine's sums, file by file, is not taken as it is.
  const onlySound = options.copy !== undefined && renamed === undefined && !isLink(resource)
  const elsewhere = onlySound ? undefined : await pythonFolder(preparation, resource)
  if (elsewhere !== undefined && entries.every((entry) => entry === elsewhere)) {
    if (!(await hasPromised(preparation, resource, elsewhere))) return undefined
    return (await moveFromPython(preparation, resource, elsewhere)) ? { recorded: Promise.resolve() } : undefined
  }
  if (entries.length === 0 || !(await hasPromised(preparation, resource))) return undefined
  if (found.isOutdated(resource) || !found.leadsToItsPlace(resource)) return undefined
  if (isAnothers(preparation, resource, entries, renamed)) return undefined
  const checked = await verified(preparation, resource, known)
  if (checked === "different") return undefined
  const unfinished =
    renamed === undefined && (found.state.of(resource.name) === "partial" || (await isHalfMoved(preparation, resource)))
  if (checked === undefined && (unfinished || onlySound)) return undefined
  const recorded = record(found, resource, {
    ...known,
    ...(known === undefined ? { adopted: true, verified: checked !== undefined } : {}),
    time: new Date().toISOString(),
    entries,
    files: checked === undefined ? (renamed?.files ?? (await listFiles(preparation.folder, entries))) : [checked],
  })
  recorded.catch(() => {})
  const told = checked !== undefined || renamed !== undefined
  return { recorded, ...(told ? {} : { unverified: join(preparation.folder, resource.target) }) }
}

function isLink({ kind }: StoredResource): boolean {
  return kind === "links" || kind === "linkfolder" || kind === "linkfile"
}

/** Tells in one line of all that was taken over as it is: of thousands, a line for each would hide all else. */
export function tellUnverified({ plan, options }: Preparation, paths: readonly string[]): void {
  const [first] = paths
  if (first === undefined) return
  const what = paths.length === 1 ? `"${first}" was` : `"${first}" and ${paths.length - 1} more were`
  options.progress({
    phase: "notice",
    level: "info",
    message: `${plan.id}: ${what} there already, and used unverified: no sum is known`,
  })
}

/** Manifest, then state, as after a placement. */
async function record(found: FoundDataset, resource: StoredResource, entry: ManifestRecord): Promise<void> {
  await found.record(resource, entry)
  await found.state.set(resource.name, "complete")
  await found.former.giveUp(resource, entry.entries, (path) => found.takenBy(resource, path) !== undefined)
}

/**
 * Python datamaestro moves what it has extracted into the dataset's folder entry by entry: what it left behind tells
 * that it was killed over that.
 */
async function isHalfMoved({ found, downloads }: Preparation, { name, target }: StoredResource): Promise<boolean> {
  return target === "" && found.state.of(name) === undefined && (await exists(join(downloads, name)))
}

/** What is recorded under a former name, if this resource would be the same: from the same source, and whole. */
function renamedFrom({ found, options }: Preparation, resource: StoredResource): ManifestRecord | undefined {
  const shape = shapeOf(resource)
  const sources = downloadsOf(resource).flatMap(({ urls }) => sourcesOf(urls, options.mirrors))
  for (const name of found.former.ofShape(shape)) {
    const record = found.manifest.record(name)
    if (record === undefined || found.state.of(name) !== "complete") continue
    if (record.source === undefined ? sources.length === 0 : sources.includes(record.source)) return record
  }
  return undefined
}

/** Whether an older definition had something else at the place, as far as that is known, and no declared sum tells. */
function isAnothers(
  { found }: Preparation,
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
  { found, folder, plan }: Preparation,
  resource: StoredResource,
  known: ManifestRecord | undefined,
): Promise<string[]> {
  if (resource.target !== "") {
    const path = join(folder, resource.target)
    const stat = await lstat(path).catch(() => undefined)
    if (stat === undefined) return []
    if (["file", "concat", "wayback"].includes(resource.kind)) return stat.isFile() ? [resource.target] : []
    if (!(await found.linksLead(resource))) return []
    if (resource.kind === "linkfolder" || resource.kind === "linkfile") return [resource.target]
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
async function hasPromised(
  { found, folder }: Preparation,
  resource: StoredResource,
  place = resource.target,
): Promise<boolean> {
  const files = "files" in resource ? (resource.files ?? []) : []
  for (const path of [...found.promised(resource).map((segments) => segments.join("/")), ...files]) {
    if (!(await exists(join(folder, place, path)))) return false
  }
  return true
}

/** The sums of the one file that a resource is, at its final place. */
function declaredSums(resource: StoredResource): Integrity[] {
  if (resource.kind === "concat") return resource.integrity
  if (resource.kind === "manual") return resource.unpack === undefined ? resource.integrity : []
  if (resource.kind !== "file") return []
  return resource.download.integrity.filter(({ of }) => of === "output" || resource.transforms.length === 0)
}

/** The file with its sums when they match; `different`; or undefined when nothing declares any. */
async function verified(
  preparation: Preparation,
  resource: StoredResource,
  known: ManifestRecord | undefined,
): Promise<ManifestFile | "different" | undefined> {
  const { folder, signal, options, plan } = preparation
  const recorded = sumOf(known?.files, resource.target)
  const declared = declaredSums(resource)
  if (recorded === undefined && declared.length === 0) return undefined
  const path = join(folder, resource.target)
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  let reported = 0
  const algorithms = ["sha256" as const, ...declared.map(({ algorithm }) => algorithm)]
  const { bytes, digests } = await hashFile(path, algorithms, {
    signal,
    onBytes: (done) => {
      if (performance.now() - reported < REPORT_MILLISECONDS) return
      reported = performance.now()
      progress({ phase: "verify", dataset, resource: name, bytes: done })
    },
  })
  try {
    checkIntegrity(declared, digests, { name: resource.target, path })
  } catch (error) {
    if (!(error instanceof DatamaestroError)) throw error
    options.progress({
      phase: "notice",
      level: "warning",
      message: `${plan.id}: "${path}" is there but not what it should be: it is prepared anew`,
    })
    return "different"
  }
  if (declared.length === 0 && recorded !== digests.sha256) return "different"
  return { path: resource.target, bytes, ...(digests.sha256 === undefined ? {} : { sha256: digests.sha256 }) }
}

function sumOf(files: Files | undefined, wanted: string): string | undefined {
  for (const { path, sha256 } of files ?? []) if (path === wanted) return sha256
  return undefined
}
