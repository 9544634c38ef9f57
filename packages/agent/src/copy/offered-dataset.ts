import type { CopiedDataset, CopiedResource } from "@datamaestro/protocol"
import { DatamaestroError, interrupted, type Paths } from "@datamaestro/protocol"
import { closeSync, openSync, readSync } from "node:fs"
import { lstat, open, readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { differenceAtSight } from "../pipeline/changed-files.ts"
import { FoundDataset } from "../pipeline/found-dataset.ts"
import { isLink } from "../pipeline/stored-resource.ts"
import { isDatasetMark } from "../place/nested-dataset.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import type { ManifestRecord } from "../store/manifest.ts"
import { storageError } from "../store/storage-error.ts"
import { SMALL_FILE_BYTES, StoragePace } from "../store/storage-pace.ts"
import { hashFile } from "../verify/hash-file.ts"

/** A prepared dataset of this machine, for another one to copy. */
export class OfferedDataset {
  readonly description: CopiedDataset
  readonly #folder: string
  /** Their sizes by their paths. */
  readonly #files: ReadonlyMap<string, number>
  readonly #pace = new StoragePace()

  private constructor(folder: string, description: CopiedDataset) {
    this.#folder = folder
    this.description = description
    const files = Object.values(description.resources).flatMap((resource) => resource.files)
    this.#files = new Map(files.map(({ path, bytes }) => [path, bytes]))
  }

  /** @throws DatamaestroError NOT_PREPARED, CORRUPT when files are not as the manifest says */
  static async read({ plan }: ResolvedDataset, paths: Paths, signal: AbortSignal): Promise<OfferedDataset> {
    const found = await FoundDataset.read(paths, plan)
    await requirePrepared(found)
    const resources: CopiedDataset["resources"] = {}
    for (const resource of found.stored) {
      const record = found.manifest.record(resource.name)
      if (record === undefined || isLink(resource) || !(await found.isWhole(resource))) continue
      resources[resource.name] = await describe(found.folder, record, signal).catch((error: unknown) => {
        throw storageError(error, `read "${found.folder}"`)
      })
    }
    return new OfferedDataset(found.folder, { resources })
  }

  /**
   * So many bytes of its files, one behind the other, from an offset in the first on; fewer where one is shorter than it was: what
   * follows would be taken for a part of it.
   */
  async read(paths: readonly string[], offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length)
    let filled = 0
    for (const [index, path] of paths.entries()) {
      const bytes = this.#files.get(path)
      if (bytes === undefined) throw new DatamaestroError("NOT_PREPARED", `Cannot copy "${path}": no manifest has it`)
      const start = index === 0 ? offset : 0
      const wanted = buffer.subarray(filled, filled + Math.max(0, bytes - start))
      const read = await this.#readInto(wanted, join(this.#folder, path), start)
      filled += read
      if (read < wanted.length) break
    }
    return buffer.subarray(0, filled)
  }

  /**
   * A small file synchronously, unless each operation is a round trip.
   *
   * @returns how many bytes the file had from there on, of those wanted
   */
  async #readInto(buffer: Buffer, path: string, offset: number): Promise<number> {
    try {
      if (buffer.length > SMALL_FILE_BYTES || this.#pace.slow) return await readAll(buffer, path, offset)
      const read = this.#pace.timed(() => readOnce(buffer, path, offset))
      if (read === buffer.length) return read
      return read + (await readAll(buffer.subarray(read), path, offset + read))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw changed(path, "it is missing")
      throw storageError(error, `read "${path}"`)
    }
  }
}

/** @returns how many bytes came at once: there may be more */
function readOnce(buffer: Buffer, path: string, offset: number): number {
  const file = openSync(path, "r")
  try {
    return readSync(file, buffer, 0, buffer.length, offset)
  } finally {
    closeSync(file)
  }
}

/** @returns how many bytes the file has from there on, up to as many as are wanted */
async function readAll(buffer: Buffer, path: string, offset: number): Promise<number> {
  const file = await open(path, "r")
  try {
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return filled
  } finally {
    await file.close()
  }
}

/** @throws DatamaestroError NOT_PREPARED */
export async function requirePrepared(found: FoundDataset): Promise<void> {
  if (await found.isPresent()) return
  const { id, repository } = found.plan
  throw new DatamaestroError("NOT_PREPARED", `Cannot copy "${id}": it is not prepared where it is to come from`, {
    hint: `prepare it there first, with \`datamaestro prepare ${id}\`; or prepare it where it is wanted`,
    details: { dataset: id, repository, path: found.folder },
  })
}

async function describe(folder: string, record: ManifestRecord, signal: AbortSignal): Promise<CopiedResource> {
  const { source, etag, lastModified, download, entries } = record
  const known = new Map(Array.from(record.files, (file) => [file.path, file]))
  const listed = known.size > 0
  const links = record.links && new Set(record.links)
  const copied: CopiedResource = {
    ...(source === undefined ? {} : { source }),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(download === undefined ? {} : { download }),
    entries,
    files: [],
    links: [],
    folders: [],
  }
  const visit = async (path: string): Promise<void> => {
    if (signal.aborted) throw interrupted()
    const full = join(folder, path)
    const stat = await lstat(full)
    const recorded = known.get(path)
    const difference = recorded && differenceAtSight(stat, recorded)
    if (difference !== undefined) throw changed(full, difference)
    // What somebody has put there is none of it.
    if (stat.isSymbolicLink()) {
      if (links?.has(path) !== false) copied.links.push({ path, to: await readlink(full) })
      return
    }
    if (stat.isFile()) {
      if (listed && recorded === undefined) return
      known.delete(path)
      const sha256 = recorded?.sha256 ?? (await hashFile(full, ["sha256"], { signal })).digests.sha256 ?? ""
      const executable = (stat.mode & 0o100) === 0 ? {} : { executable: true }
      return void copied.files.push({ path, bytes: stat.size, sha256, ...executable })
    }
    if (!stat.isDirectory()) return
    const names = await readdir(full)
    if (names.length === 0) copied.folders.push(path)
    // The folder of another dataset may be inside.
    const nested = names.some(isDatasetMark) && ![...known.keys()].some((name) => name.startsWith(`${path}/`))
    if (nested) return
    for (const name of names.sort()) await visit(`${path}/${name}`)
  }
  for (const entry of entries) await visit(entry)
  const [missing] = known.keys()
  if (missing !== undefined) throw changed(join(folder, missing), "it is missing")
  return copied
}

function changed(path: string, reason: string): DatamaestroError {
  return new DatamaestroError("CORRUPT", `Cannot copy "${path}": ${reason}`, {
    hint: "it was changed since it was prepared; prepare the dataset anew with --force, or copy from elsewhere",
    details: { path },
  })
}
