import { join } from "node:path"
import { downloadsOf } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { sourcesOf } from "../fetch/sources.ts"
import { canCarryOut, carryOut, declareReady, readPlacement, type Placement } from "../place/placement.ts"
import type { ManifestRecord } from "../store/manifest.ts"
import { storageError } from "../store/storage-error.ts"
import type { FoundDataset } from "./found-dataset.ts"
import { shapeOf } from "./shape-of.ts"
import type { StoredResource } from "./stored-resource.ts"
import { hasOtherSum, sumsOf } from "./declared-sums.ts"
import { isWithin } from "./former-records.ts"
import { keepAdded } from "./keep-added.ts"
import type { Preparation } from "./preparation.ts"
import { removeWorkFolder } from "./work-folder.ts"

/** Manifest or state have it in memory, and on the disk once this is fulfilled. */
export interface Recorded {
  recorded: Promise<void>
}

/** What was made in a work folder, ready to be moved. */
export interface Made {
  moves: Placement["moves"]
  record: Partial<
    Pick<ManifestRecord, "source" | "etag" | "lastModified" | "download" | "adopted" | "verified" | "links">
  > &
    Pick<ManifestRecord, "files">
  /** After a kill it is sooner made again than it would be marked as ready. */
  quick?: boolean
}

/**
 * Moves what was made into place and records it: manifest, then state, which is the mark of completion. From
 * `declareReady` on a kill at any point loses nothing; `continuePlacement` does the rest. What is `quick` to be made is made again.
 *
 * @param moved called when it is in its place and only to be recorded, which of thousands takes a while
 */
export async function placeResource(
  preparation: Preparation,
  resource: StoredResource,
  work: string,
  { moves, record, quick = false }: Made,
  moved: () => void = () => {},
): Promise<void> {
  const { folder, found, placing } = preparation
  const place = async (): Promise<Recorded | undefined> => {
    await requireLock(preparation)
    const entries = moves.map(({ to }) => to)
    requireOwnPlaces(preparation, resource, entries)
    tellChange(preparation, resource, record)
    const before = [resource.name, ...found.former.at(resource, entries)]
    const old = new Set(before.flatMap((name) => found.manifest.record(name)?.entries ?? []))
    const places = new Set(entries)
    const stale = [...old].filter((entry) => !isWithin(entry, places) && found.takenBy(resource, entry) === undefined)
    const placement: Placement = {
      plan: fingerprint(resource),
      ...(await keepAdded(preparation, resource, work, { moves, stale })),
      record: {
        links: [],
        ...record,
        shape: shapeOf(resource),
        ...sumsOf(resource),
        entries,
        time: new Date().toISOString(),
      },
    }
    if (!quick) await declareReady(work, folder, placement)
    if (preparation.onlyReady === true) return undefined
    return await move(preparation, resource, work, placement)
  }
  const recorded = await (isApart(preparation, resource, moves) ? place() : placing(place))
  moved()
  if (recorded !== undefined) await finish(preparation, resource, work, recorded)
}

/**
 * Does the rest of a placement that an earlier run was killed in, if there was one.
 *
 * @param left the work folders that are left of the resource
 */
export async function continuePlacement(
  preparation: Preparation,
  resource: StoredResource,
  left: readonly string[],
): Promise<Recorded | undefined> {
  let done: Recorded | undefined
  for (const work of left) {
    const placement = preparation.options.force === true || done !== undefined ? undefined : await readPlacement(work)
    const { folder } = preparation
    if (placement?.plan === fingerprint(resource) && (await canCarryOut(work, folder, placement))) {
      const recorded = finish(preparation, resource, work, await move(preparation, resource, work, placement))
      recorded.catch(() => {})
      done = { recorded }
    } else await removeWorkFolder(work)
  }
  return done
}

/** Moves everything into place; what is recorded before and after may go along with others' records. */
async function move(
  { folder, found }: Preparation,
  resource: StoredResource,
  work: string,
  placement: Placement,
): Promise<Recorded> {
  const before = found.state.of(resource.name)
  try {
    await found.state.set(resource.name, "partial")
    const entries = placement.record.entries
    await found.former.giveUp(resource, entries, (entry) => found.takenBy(resource, entry) !== undefined)
    await outdateWhatIsMadeOf(resource, found, placement.record)
    await carryOut(work, folder, placement)
  } catch (error) {
    const inTheWay = placement.moves.map(({ to }) => join(folder, to)).indexOf(pathOf(error))
    const told = storageError(error, inTheWay < 0 ? `write into "${folder}"` : `replace "${pathOf(error)}"`)
    // What was there could not be taken away, and nothing was changed yet.
    if (before === "complete" && inTheWay === 0) await found.state.set(resource.name, before).catch(() => {})
    throw told
  }
  const recorded = found.record(resource, placement.record)
  // Awaited by `finish`, a moment later.
  recorded.catch(() => {})
  return { recorded }
}

/**
 * Whether all of it goes, and was, where by the plan nothing of another resource may be: then it is nobody's turn to wait for, and
 * of thousands that replace what is there many are marked in one write.
 */
function isApart({ found }: Preparation, resource: StoredResource, moves: Made["moves"]): boolean {
  const { name, target } = resource
  const entries = [...moves.map(({ to }) => to), ...(found.manifest.record(name)?.entries ?? [])]
  return target !== "" && entries.every((entry) => entry === target) && found.former.at(resource, entries).length === 0
}

/** What could not be renamed. */
function pathOf(error: unknown): string {
  const { syscall, path } = error as NodeJS.ErrnoException
  return syscall === "rename" ? (path ?? "") : ""
}

async function finish(
  { found }: Preparation,
  resource: StoredResource,
  work: string,
  { recorded }: Recorded,
): Promise<void> {
  await recorded
  await found.state.set(resource.name, "complete")
  // All is there: what stays behind is taken away with all that is left, at the end or by the next run.
  await removeWorkFolder(work).catch(() => {})
}

/** Before a resource is recorded: what is made of it is to be made anew if it has another content than before. */
export async function outdateWhatIsMadeOf(
  resource: StoredResource,
  found: FoundDataset,
  record: Pick<ManifestRecord, "files">,
): Promise<void> {
  if (found.dependents(resource).length === 0) return
  const before = found.manifest.record(resource.name)
  if (before === undefined) return
  // Of links only the sums tell.
  const other = record.files.length === 0 && hasOtherSum(resource, before)
  if (other || hasOtherContent(record, before)) await found.outdateDependents(resource)
}

/** Of one file its name does not matter, and what is not known is taken to be the same. */
function hasOtherContent({ files }: Pick<ManifestRecord, "files">, before: ManifestRecord): boolean {
  if (before.files.length !== files.length) return true
  const known = new Map([...before.files].map((file) => [file.path, file]))
  const [only] = before.files
  for (const { path, bytes, sha256 } of files) {
    const old = files.length === 1 ? only : known.get(path)
    if (old === undefined || old.bytes !== bytes) return true
    if (old.sha256 !== undefined && sha256 !== undefined && old.sha256 !== sha256) return true
  }
  return false
}

/** The author declared no sum, or changed it: at least it is told that this is not what was downloaded last time. */
function tellChange({ found, plan, options }: Preparation, resource: StoredResource, record: Made["record"]): void {
  const { name } = resource
  const before = found.manifest.record(name)
  if (before?.download === undefined || record.download === undefined || before.download === record.download) return
  // A definition that names another source now may well want something else.
  const sources = [record.source, ...downloadsOf(resource).flatMap(({ urls }) => sourcesOf(urls, options.mirrors))]
  if (before.source !== undefined && !sources.includes(before.source)) return
  const was = before.source === record.source ? "it" : (before.source ?? "it")
  options.progress({
    phase: "notice",
    level: "warning",
    message: `${plan.id}: ${record.source ?? name} is not what ${was} was on ${before.time.slice(0, 10)}: its sha256 was ${before.download}, and is ${record.download}`,
  })
}

/** Whoever slept through its lease must not place what another process prepares by now. */
async function requireLock({ lock, plan }: Preparation): Promise<void> {
  if (await lock.held()) return
  throw new DatamaestroError("STORAGE_FAILED", `Cannot finish "${plan.id}": another process took over its lock`, {
    hint: "this process was asleep, or the storage did not answer for long; run the command again",
    details: { dataset: plan.id },
  })
}

/** Two archives that fill the same folder must not replace each other's entries. */
function requireOwnPlaces(preparation: Preparation, resource: StoredResource, entries: readonly string[]): void {
  for (const entry of entries) {
    const other = preparation.found.takenBy(resource, entry)
    if (other === undefined) continue
    const { id } = preparation.plan
    throw new DatamaestroError(
      "BROKEN_DEFINITION",
      `Cannot place "${entry}" of "${id}": both ${other} and ${resource.name} have it`,
      {
        hint: "tell the author of the definition: one of them needs a folder of its own",
        details: { dataset: id, entry },
      },
    )
  }
}

function fingerprint(resource: StoredResource): string {
  return JSON.stringify(resource)
}
