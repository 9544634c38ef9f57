import { createHash } from "node:crypto"
import { stat } from "node:fs/promises"
import type { Agreement } from "@datamaestro/dataset"
import { DatamaestroError, type AcceptedAgreement } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { resourcePath } from "../store/layout.ts"
import { freeSpace, noSpace, shareSpace } from "../store/free-space.ts"
import { storageError } from "../store/storage-error.ts"
import type { FoundDataset } from "./found-dataset.ts"
import type { StoredResource } from "./stored-resource.ts"
import { leastSpace, type SpaceNeed } from "./least-space.ts"
import type { PrepareOptions } from "./preparation.ts"
import { fetchNeed, packedBytes, spaceNeed } from "./space-need.ts"

/** Of thousands not all are looked for at once, which each waits for in memory; one after the other takes long where storage is slow. */
const LOOKS_AT_ONCE = 16

/** What only the person can provide: data folders that are configured and there. They are never copied. */
export async function requireDatafolders({ plan }: ResolvedDataset, options: PrepareOptions): Promise<void> {
  for (const resource of plan.resources) {
    if (resource.kind !== "datafolder") continue
    const path = resourcePath(options.paths, plan, resource, options.datafolders)
    try {
      await stat(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== "ENOENT" && code !== "ENOTDIR") throw storageError(error, `read "${path}"`)
      throw new DatamaestroError("DATAFOLDER_MISSING", `Cannot use dataset "${plan.id}": there is no "${path}"`, {
        hint: `put the data there, or tell where it is with \`datamaestro datafolders set ${resource.folder} PATH\``,
        details: { dataset: plan.id, datafolder: resource.folder, path },
      })
    }
  }
}

/** @throws DatamaestroError AGREEMENT_REQUIRED with the agreement's id, URL and text in its details */
export function requireAgreement({ plan }: ResolvedDataset, { agreements = [] }: PrepareOptions): void {
  const agreement = unacceptedAgreement(plan, agreements)
  if (agreement === undefined) return
  const before = agreements.some((accepted) => typeof accepted === "object" && accepted.id === agreement.id)
  const where = agreement.url === undefined ? "" : ` (${agreement.url})`
  throw new DatamaestroError(
    "AGREEMENT_REQUIRED",
    `Cannot prepare "${plan.id}": its agreement "${agreement.id}" ${before ? "has changed since it was accepted" : "is not accepted"}`,
    {
      hint: `read it${where}, and accept it with --accept-agreement ${agreement.id}`,
      details: { dataset: plan.id, agreement: { ...agreement } },
    },
  )
}

/** The dataset's agreement, where it has one that is not accepted in its present text. */
export function unacceptedAgreement(
  { agreement }: Pick<ResolvedDataset["plan"], "agreement">,
  accepted: readonly AcceptedAgreement[],
): Agreement | undefined {
  if (agreement === undefined || accepted.some((each) => covers(each, agreement))) return undefined
  return agreement
}

function covers(accepted: AcceptedAgreement, { id, text }: Agreement): boolean {
  if (typeof accepted === "string") return accepted === id
  if (accepted.id !== id) return false
  return text === undefined || accepted.sha256 === createHash("sha256").update(text).digest("hex")
}

/**
 * Before anything is fetched: what is known to be needed is there. Sizes are those that the definition declares, that
 * the cache has, and that an earlier preparation recorded.
 *
 * @throws DatamaestroError NO_SPACE
 */
export async function requireSpace(
  found: FoundDataset,
  missing: readonly StoredResource[],
  { cache, keepDownloads = false, fetchOnly = false }: PrepareOptions,
): Promise<void> {
  const parts = await cache.partSizes()
  const apart = !(await shareSpace(cache.path, found.folder))
  // Where the cache is on a disk of its own, each download is held against that one when it comes.
  const made = missing.filter((resource) => !fetchOnly || !apart || resource.kind === "bucket")
  const needs: SpaceNeed[] = []
  await sideBySide(LOOKS_AT_ONCE, made, async (resource) => {
    const packed = await packedBytes(resource, cache, parts)
    const fetched = fetchOnly && resource.kind !== "bucket"
    needs.push(fetched ? fetchNeed(packed) : spaceNeed(resource, found, packed, apart))
  })
  const free = await freeSpace(found.folder)
  if (free === undefined) return
  const { id } = found.plan
  const bytes = leastSpace(needs, keepDownloads || fetchOnly)
  if (bytes > free.bytes) throw noSpace(`prepare "${id}"`, bytes, free.bytes, found.folder)
  const files = needs.reduce((sum, need) => sum + need.files, 0)
  if (files <= free.files) return
  throw new DatamaestroError(
    "NO_SPACE",
    `Cannot prepare "${id}": it has ${files} files, the file system takes ${free.files} more (inodes)`,
    {
      hint: "remove files that you don't need (`df -i` counts them), or choose another place with --data",
      details: { needed: files, available: free.files, path: found.folder },
    },
  )
}
