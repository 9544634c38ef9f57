import { join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import type { Files, ManifestFile } from "../store/file-list.ts"
import type { ManifestRecord } from "../store/manifest.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { sumsOf } from "./declared-sums.ts"
import type { FoundDataset } from "./found-dataset.ts"
import { isLink, type StoredResource } from "./stored-resource.ts"
import type { Recorded } from "./place-resource.ts"
import { listFiles } from "./list-files.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { moveFromPython } from "./python-place.ts"
import { declaredSums, findUnrecorded, isUnfinished } from "./unrecorded.ts"

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
  const onlySound = options.copy !== undefined && !isLink(resource)
  const there = await findUnrecorded(found, resource, options.mirrors, onlySound)
  if (there === undefined) return undefined
  const { entries, known, renamed, elsewhere } = there
  if (elsewhere !== undefined) {
    await moveFromPython(preparation, resource, elsewhere)
    return { recorded: Promise.resolve() }
  }
  const checked = await verified(preparation, resource, known)
  if (checked === "different") return undefined
  const unsure = renamed === undefined && (onlySound || (await isUnfinished(found, resource)))
  if (checked === undefined && unsure) return undefined
  const recorded = record(found, resource, {
    ...known,
    ...(known === undefined ? { adopted: true, verified: checked !== undefined } : {}),
    ...(checked === undefined ? {} : sumsOf(resource)),
    time: new Date().toISOString(),
    entries,
    files: checked === undefined ? (renamed?.files ?? (await listFiles(preparation.folder, entries))) : [checked],
  })
  recorded.catch(() => {})
  const told = checked !== undefined || renamed !== undefined
  return { recorded, ...(told ? {} : { unverified: join(preparation.folder, resource.target) }) }
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
  const algorithms = ["sha256" as const, ...declared.map(({ algorithm }) => algorithm)]
  const { bytes, digests } = await hashFile(path, algorithms, {
    signal,
    onBytes: (done) => progress({ phase: "verify", dataset, resource: name, bytes: done }),
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
