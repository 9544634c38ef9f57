import { lstat, readdir } from "node:fs/promises"
import { join } from "node:path"
import type { PlannedManual } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { holdsFiles } from "../place/nested-dataset.ts"
import { readPlacement } from "../place/placement.ts"
import { syncTree } from "../place/sync-tree.ts"
import { filesBelow, pathsOf, type ManifestFile } from "../store/file-list.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { shapeOf } from "./found-dataset.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { makeWorkFolder, removeWorkFolder } from "./work-folder.ts"

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
  const folder = deposited === "folder"
  if (!folder) await verify(preparation, resource, path)
  if (resource.unpack === undefined) await takeOver(preparation, resource, path, folder)
  else await extract(preparation, resource, resource.unpack, path)
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

async function verify(preparation: Preparation, resource: PlannedManual, path: string): Promise<void> {
  if (resource.integrity.length === 0) return
  const { dataset, resource: name, progress, signal } = stepContext(preparation, resource)
  const algorithms = resource.integrity.map(({ algorithm }) => algorithm)
  const { digests } = await hashFile(path, algorithms, {
    signal,
    onBytes: (bytes) => progress({ phase: "verify", dataset, resource: name, bytes }),
  })
  checkIntegrity(resource.integrity, digests, { name: resource.deposit, path, url: resource.page })
}

async function takeOver(
  { found, folder, signal }: Preparation,
  resource: PlannedManual,
  path: string,
  isFolder: boolean,
): Promise<void> {
  const files: ManifestFile[] = []
  if (isFolder) files.push(...(await foundBelow(folder, resource.target)))
  else {
    const { bytes, digests } = await hashFile(path, ["sha256"], { signal })
    files.push({ path: resource.target, bytes, ...(digests.sha256 === undefined ? {} : { sha256: digests.sha256 }) })
  }
  await found.record(resource, {
    source: resource.page,
    time: new Date().toISOString(),
    shape: shapeOf(resource),
    entries: [resource.target],
    files,
  })
  await found.state.set(resource.name, "complete")
}

async function foundBelow(folder: string, below: string): Promise<ManifestFile[]> {
  const files: ManifestFile[] = []
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = `${below}/${entry.name}`
    if (entry.isDirectory()) files.push(...(await foundBelow(folder, path)))
    else if (entry.isFile()) files.push({ path, bytes: (await lstat(join(folder, path))).size })
  }
  return files
}

async function extract(
  preparation: Preparation,
  resource: PlannedManual,
  kind: "tar" | "zip",
  path: string,
): Promise<void> {
  const { extractions } = await queues()
  const { extractArchive } = await import("../extract/extract-archive.ts")
  const work = makeWorkFolder(preparation, resource)
  try {
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
  } catch (error) {
    if ((await readPlacement(work)) === undefined) await removeWorkFolder(work)
    throw error
  }
}
