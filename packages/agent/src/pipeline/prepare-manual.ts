import { lstat } from "node:fs/promises"
import { join } from "node:path"
import type { HashAlgorithm, PlannedManual } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { holdsFiles } from "../place/nested-dataset.ts"
import { syncTree } from "../place/sync-tree.ts"
import { filesBelow, pathsOf, type ManifestFile } from "../store/file-list.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { sumsOf } from "./declared-sums.ts"
import { shapeOf } from "./shape-of.ts"
import { listFiles } from "./list-files.ts"
import { outdateWhatIsMadeOf, placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { inWorkFolder } from "./work-folder.ts"

/**
 * Takes what a person has fetched and put into the dataset's folder: as it is, or extracted. An archive stays there: it
 * was hard to come by.
 *
 * @throws DatamaestroError MANUAL_DOWNLOAD saying what to fetch from where, and where to put it
 */
export async function prepareManual(preparation: Preparation, resource: PlannedManual): Promise<void> {
  const path = join(preparation.folder, resource.deposit)
  const deposited = await depositAt(path, resource)
  if (deposited === undefined) throw mustBeFetched(preparation, resource, path)
  const { unpack, target, integrity } = resource
  if (unpack !== undefined) {
    if (integrity.length > 0) await hashed(preparation, resource, path, [])
    return await extract(preparation, resource, unpack, path)
  }
  const files =
    deposited === "folder"
      ? await listFiles(preparation.folder, [target])
      : [await hashed(preparation, resource, path, ["sha256"])]
  await takeOver(preparation, resource, files)
}

/** What a person has put there, if it is what is to be put there. */
export async function depositAt(
  path: string,
  { unpack }: Pick<PlannedManual, "unpack">,
): Promise<"file" | "folder" | undefined> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined
    throw storageError(error, `read "${path}"`)
  })
  if (stat?.isDirectory() !== true) return stat && "file"
  return unpack === undefined && (await holdsFiles(path)) ? "folder" : undefined
}

function mustBeFetched({ plan }: Preparation, resource: PlannedManual, path: string): DatamaestroError {
  const { page, instructions, name } = resource
  const how = instructions === undefined ? "" : ` (${instructions})`
  return new DatamaestroError(
    "MANUAL_DOWNLOAD",
    `Cannot prepare "${plan.id}": its ${name} must be fetched by hand from ${page}`,
    {
      hint: `get it there${how}, put it on the data machine at "${path}", and run the same command again`,
      details: { dataset: plan.id, resource: name, page, path },
    },
  )
}

/**
 * Reads it once, for the declared sums and for others that are wanted.
 *
 * @throws DatamaestroError CHECKSUM_MISMATCH
 */
async function hashed(
  preparation: Preparation,
  { name, target, deposit, page, integrity }: PlannedManual,
  path: string,
  wanted: readonly HashAlgorithm[],
): Promise<ManifestFile> {
  const { plan, options, signal } = preparation
  const { bytes, digests } = await hashFile(path, [...wanted, ...integrity.map(({ algorithm }) => algorithm)], {
    signal,
    onBytes: (read) => options.progress({ phase: "verify", dataset: plan.id, resource: name, bytes: read }),
  })
  checkIntegrity(integrity, digests, { name: deposit, path, url: page })
  return { path: target, bytes, ...(digests.sha256 === undefined ? {} : { sha256: digests.sha256 }) }
}

async function takeOver(
  { found }: Preparation,
  resource: PlannedManual,
  files: readonly ManifestFile[],
): Promise<void> {
  await outdateWhatIsMadeOf(resource, found, { files })
  await found.record(resource, {
    source: resource.page,
    time: new Date().toISOString(),
    shape: shapeOf(resource),
    ...sumsOf(resource),
    entries: [resource.target],
    files,
  })
  await found.state.set(resource.name, "complete")
}

async function extract(
  preparation: Preparation,
  resource: PlannedManual,
  kind: "tar" | "zip",
  path: string,
): Promise<void> {
  const { extractions } = await queues()
  const { extractArchive } = await import("../extract/extract-archive.ts")
  await inWorkFolder(preparation, resource, async (work) => {
    const request = {
      kind,
      source: path,
      archive: resource.deposit,
      output: join(work, "tree"),
      selection: { strip: "auto" as const },
      verified: resource.integrity.length > 0,
    }
    const tree = await inTurn(extractions, preparation.signal, () =>
      extractArchive(request, stepContext(preparation, resource)),
    )
    await syncTree(tree.root, pathsOf(tree.files))
    await placeResource(preparation, resource, work, {
      moves: [{ from: tree.root.slice(work.length + 1).replaceAll("\\", "/"), to: resource.target }],
      record: {
        source: resource.page,
        files: filesBelow(resource.target, tree.files),
      },
    })
  })
}
