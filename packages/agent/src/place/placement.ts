import { readFile, rename } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as v from "valibot"
import { ManifestRecord } from "../store/manifest.ts"
import { jsonText } from "../store/json-text.ts"
import { storageError } from "../store/storage-error.ts"
import { syncDirectory, writeAtomic } from "../store/write-atomic.ts"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { lstatOrNothing, replaceEntry, requireNoNestedDataset, setAside } from "./replace-entry.ts"
import { foldersOf } from "../store/places.ts"
import { findNestedDataset } from "./nested-dataset.ts"
import { freePlaces } from "./free-places.ts"

/** What a finished extraction or step still has to do: moves within one file system, each of them atomic. */
const Placement = v.object({
  /** What was planned, to be compared: a placement of another plan is not continued. */
  plan: v.string(),
  /** From a path below the work folder to one below the dataset's folder. */
  moves: v.array(v.object({ from: v.string(), to: v.string() })),
  /** Entries of an older preparation that the new one has no more, below the dataset's folder. */
  stale: v.array(v.string()),
  /** What goes into the manifest when all is in place. */
  record: ManifestRecord,
})
export type Placement = v.InferOutput<typeof Placement>

const READY_FILE = "ready.json"
const ASIDE_FOLDER = "aside"
/** Each is a round trip where storage is slow. */
const MOVES_AT_ONCE = 16

/**
 * Declares that the work folder holds everything, whole: from here on a preparation that is killed is continued. It is
 * forced onto the disk where there are several moves; a single one is done or not, and what a power failure takes the
 * mark of is made again from its download.
 *
 * @throws DatamaestroError STORAGE_FAILED when the folder of another dataset is in the way; then nothing was moved; of the storage
 */
export async function declareReady(work: string, folder: string, placement: Placement): Promise<void> {
  const places = placement.moves.map(({ to }) => to)
  const isFree = await freePlaces(folder, places)
  for (const to of places) if (!isFree(to)) await requireNoNestedDataset(join(folder, to))
  const path = join(work, READY_FILE)
  await writeAtomic(path, jsonText(placement), { sync: placement.moves.length > 1 }).catch((error: unknown) => {
    throw storageError(error, `write "${path}"`)
  })
}

/** Whether each move is done or can be: not where a power failure took what the mark speaks of. */
export async function canCarryOut(work: string, folder: string, { moves }: Placement): Promise<boolean> {
  for (const { from, to } of moves) {
    if ((await lstatOrNothing(join(work, from))) !== undefined) continue
    if ((await lstatOrNothing(join(folder, to))) === undefined) return false
  }
  return true
}

/** The placement that a work folder still has to do, if it is ready for it. */
export async function readPlacement(work: string): Promise<Placement | undefined> {
  const text = await readFile(join(work, READY_FILE), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Placement), text)
  return parsed.success ? parsed.output : undefined
}

/**
 * Moves everything to its final path; after a kill at any point, calling it again does the rest. The work folder
 * stays: remove it once the manifest and the state are written. Writing the manifest syncs the dataset's folder, in
 * which it lies, so that is not done here.
 */
export async function carryOut(work: string, folder: string, placement: Placement): Promise<void> {
  const aside = join(work, ASIDE_FOLDER)
  const parents = new Set<string>()
  const folders = new Set(placement.moves.flatMap(({ to }) => foldersOf(to)))
  for (const entry of placement.stale) {
    // Others go into a folder of its name. Once one is there, this has been done.
    if (!folders.has(entry)) continue
    const moves = placement.moves.filter(({ to }) => foldersOf(to).includes(entry))
    if (await areAhead(work, moves)) await setAsideOwn(join(folder, entry), aside)
  }
  const isFree = await freePlaces(
    folder,
    placement.moves.map(({ to }) => to),
  )
  const place = async ({ from, to }: Placement["moves"][number]): Promise<void> => {
    const [source, final] = [join(work, from), join(folder, to)]
    parents.add(dirname(final))
    if (isFree(to) && (await wasRenamed(source, final))) return
    // Moved by an earlier run that was killed.
    if ((await lstatOrNothing(source)) === undefined && (await lstatOrNothing(final)) !== undefined) return
    await replaceEntry(source, final, aside)
  }
  // What others go into; and the first one, since nothing is changed yet if it can't be.
  const ahead = new Set(placement.moves.filter(({ to }, index) => index === 0 || folders.has(to)))
  for (const one of ahead) await place(one)
  await sideBySide(
    MOVES_AT_ONCE,
    placement.moves.filter((one) => !ahead.has(one)),
    place,
  )
  for (const entry of placement.stale) {
    if (!folders.has(entry)) await setAsideOwn(join(folder, entry), aside)
  }
  for (const parent of parents) if (parent !== folder) await syncDirectory(parent)
}

/** Where it can't be, it is looked at why. */
async function wasRenamed(source: string, final: string): Promise<boolean> {
  return await rename(source, final).then(
    () => true,
    () => false,
  )
}

/** Whether none of them is done yet. */
async function areAhead(work: string, moves: Placement["moves"]): Promise<boolean> {
  for (const { from } of moves) if ((await lstatOrNothing(join(work, from))) === undefined) return false
  return true
}

/** Unless it is gone, or another dataset's folder is in it. */
async function setAsideOwn(path: string, aside: string): Promise<void> {
  const old = await lstatOrNothing(path)
  if (old === undefined) return
  if (old.isDirectory() && (await findNestedDataset(path)) !== undefined) return
  await setAside(path, aside)
}
