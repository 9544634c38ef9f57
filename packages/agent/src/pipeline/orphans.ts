import { lstat, readdir, rmdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { interrupted, type Paths, type Result } from "@datamaestro/protocol"
import { isDatasetMark, isDotFile } from "../place/nested-dataset.ts"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import { LOCK_FILE } from "../store/dataset-names.ts"
import { folderName } from "../store/layout.ts"
import { isStale, readRecord } from "../store/lock-record.ts"
import { removeTree } from "../store/remove-tree.ts"
import { storageError } from "../store/storage-error.ts"

type Orphans = Result<"orphans/list">

export interface OrphanOptions {
  paths: Pick<Paths, "datasets">
  index: RepositoryIndex
  signal: AbortSignal
  /** Whether to add up what each holds. */
  size: boolean
}

/** Python datamaestro's folder for datasets of modules that are in no repository: nothing here can tell of them. */
const CUSTOM = "__custom__"
/** Whoever prepares renews the lock far more often than this, in seconds by the file system's clock. */
const LOCK_SILENCE = 300

/** The folders of known datasets, below `DATA/data`, and those that lead to them. */
interface Known {
  folders: ReadonlySet<string>
  above: ReadonlySet<string>
}

interface Walk extends Known {
  root: string
  signal: AbortSignal
  found: string[]
  unknown: Orphans["unknown"]
}

/**
 * What lies below `DATA/data` and belongs to no dataset of the repositories, by what the folders are called: neither
 * definitions nor network are needed, and no link is followed. What can't be told is in `unknown`.
 */
export async function findOrphans({ paths, index, signal, size }: OrphanOptions): Promise<Orphans> {
  const unknown: Orphans["unknown"] = []
  const found: string[] = []
  for (const entry of await entriesOf(paths.datasets)) {
    const name = entry.name.normalize("NFC")
    const path = join(paths.datasets, entry.name)
    if (name === CUSTOM) unknown.push({ path, reason: "it is Python datamaestro's, for datasets without a repository" })
    if (name === CUSTOM || isDotFile(name)) continue
    try {
      const isKnown = index.ids.includes(name)
      if (!isKnown && index.unreadable.length > 0) {
        unknown.push({ path, reason: `its repository may be in what can't be read: ${index.unreadable.join("; ")}` })
        continue
      }
      const known = isKnown ? await knownFolders(name, index) : nothingKnown
      await walk(entry.name, entry, { ...known, root: paths.datasets, signal, found, unknown })
    } catch (error) {
      if (signal.aborted) throw interrupted()
      unknown.push({ path, reason: reasonOf(error) })
    }
  }
  const orphans: Orphans["orphans"] = []
  for (const path of found.sort()) {
    orphans.push(size ? { path, bytes: await bytesIn(path, signal) } : { path })
  }
  return { orphans, unknown }
}

/**
 * Removes those of the paths that are orphans still, and the folders above them that are empty then.
 *
 * @returns the paths that were removed
 */
export async function removeOrphans(
  wanted: readonly string[],
  options: Omit<OrphanOptions, "size">,
): Promise<string[]> {
  const { orphans } = await findOrphans({ ...options, size: false })
  const still = new Set(orphans.map(({ path }) => path))
  const removed: string[] = []
  for (const path of wanted.filter((each) => still.has(each))) {
    if (options.signal.aborted) throw interrupted()
    await removeTree(path).catch((error: unknown) => {
      throw storageError(error, `remove "${path}"`)
    })
    removed.push(path)
    for (let above = dirname(path); above !== options.paths.datasets; above = dirname(above)) {
      const gone = await rmdir(above).then(
        () => true,
        () => false,
      )
      if (!gone) break
    }
  }
  return removed
}

const nothingKnown: Known = { folders: new Set(), above: new Set() }

async function knownFolders(repository: string, index: RepositoryIndex): Promise<Known> {
  const { datasets, moved } = await index.repository(repository)
  // Python datamaestro may have prepared it here, before it moved.
  const folders = new Set([...datasets.keys(), ...moved.keys()].map((id) => folderName(repository, id)))
  const above = new Set([repository])
  for (const folder of folders) {
    for (let at = folder.lastIndexOf("/"); at > 0; at = folder.lastIndexOf("/", at - 1)) above.add(folder.slice(0, at))
  }
  return { folders, above }
}

interface Entry {
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** @param place below the root, with forward slashes, as the disk spells it */
async function walk(place: string, entry: Entry, to: Walk): Promise<void> {
  if (to.signal.aborted) throw interrupted()
  const path = join(to.root, ...place.split("/"))
  const name = place.normalize("NFC")
  if (isOfDataset(name, to)) return await walkDataset(place, to)
  if (!entry.isDirectory()) {
    if (entry.isSymbolicLink() && to.above.has(name)) to.unknown.push({ path, reason: "it is a link" })
    else to.found.push(path)
    return
  }
  const entries = await entriesOf(path)
  if (entries.some((each) => each.name === LOCK_FILE) && (await isHeld(join(path, LOCK_FILE)))) {
    to.unknown.push({ path, reason: "somebody is preparing it" })
    return
  }
  const content = entries.filter((each) => !isDotFile(each.name) || isDatasetMark(each.name))
  // The folder of a dataset: it goes as a whole, unless known ones are inside.
  const whole = content.some((each) => isDatasetMark(each.name) || !each.isDirectory())
  if (whole && !to.above.has(name)) return void to.found.push(path)
  for (const each of content) await walk(`${place}/${each.name}`, each, to)
}

/** Content is its owner's, but a dataset that is gone may have had its folder right inside. */
async function walkDataset(place: string, to: Walk): Promise<void> {
  for (const entry of await entriesOf(join(to.root, ...place.split("/")))) {
    if (!entry.isDirectory() || isDotFile(entry.name)) continue
    const inside = `${place}/${entry.name}`
    const name = inside.normalize("NFC")
    const marked = (await entriesOf(join(to.root, ...inside.split("/")))).some((each) => isDatasetMark(each.name))
    if (marked || to.above.has(name) || isOfDataset(name, to)) await walk(inside, entry, to)
  }
}

/** Its folder, that of a variant (`x[dim=50]`), or that of a version as Python datamaestro has them (`x.v2`). */
function isOfDataset(name: string, { folders }: Known): boolean {
  if (folders.has(name)) return true
  const base = /^(.*?)(?:\[[^/]*|\.v[^/]*)$/u.exec(name)?.[1]
  return base !== undefined && folders.has(base)
}

async function isHeld(path: string): Promise<boolean> {
  try {
    const record = await readRecord(path)
    return record !== undefined && !(await isStale(path, record, LOCK_SILENCE))
  } catch {
    // Where nobody can tell, it is in use: what is removed does not come back.
    return true
  }
}

async function bytesIn(path: string, signal: AbortSignal): Promise<number> {
  if (signal.aborted) throw interrupted()
  const found = await lstat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) return found?.size ?? 0
  let bytes = 0
  for (const { name } of await entriesOf(path)) bytes += await bytesIn(join(path, name), signal)
  return bytes
}

async function entriesOf(path: string) {
  return await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return []
    throw storageError(error, `read "${path}"`)
  })
}
