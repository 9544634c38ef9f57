import { chmod, lstat, mkdir, readdir, stat, symlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { interrupted, type CopiedResource } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import type { CopyReader } from "../copy/copy-reader.ts"
import { requireInside } from "../copy/require-inside.ts"
import { linkFile } from "../store/link-file.ts"
import { StoragePace } from "../store/storage-pace.ts"
import { storageError } from "../store/storage-error.ts"
import { hashFile } from "../verify/hash-file.ts"
import { isWithin } from "./former-records.ts"
import { exists } from "../store/exists.ts"
import type { StoredResource } from "./stored-resource.ts"
import { placeKept } from "./place-kept.ts"
import { receiveFiles, type CopiedFile, type IncomingFiles } from "./receive-files.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { removeFile } from "../store/remove-file.ts"

/** Runs of files. */
const AT_ONCE = 16
/** From so many bytes, or files, on a run is long enough. */
const RUN_BYTES = 1024 * 1024
const RUN_FILES = 256

/** What is there already: paths that an earlier run has left, and the resource's entries that have something at their place. */
interface Present {
  present: ReadonlySet<string>
  placed: ReadonlySet<string>
}

/**
 * Brings a resource as another machine has it, each file held against its SHA-256. What an interrupted run brought is
 * kept: whole files, and the beginning of those that were under way. So are files that are at their place already.
 */
export async function prepareCopied(
  preparation: Preparation,
  resource: StoredResource,
  { reader, copied }: { reader: CopyReader; copied: CopiedResource },
): Promise<void> {
  const kept = join(preparation.downloads, `${resource.name}.copied`)
  try {
    requireInside(copied)
    const present = await presentFiles(kept)
    await makeFolders(kept, copied)
    const placed = await presentEntries(preparation.folder, copied)
    await copyFiles(preparation, resource, { reader, copied, kept, has: { present, placed } })
    for (const { path, to } of copied.links) await symlink(to, join(kept, path))
    const { source, etag, lastModified, download } = copied
    await placeKept(preparation, resource, {
      path: kept,
      files: copied.files.map(({ path }) => path),
      moves: copied.entries.map((entry) => ({ from: entry, to: entry })),
      record: {
        ...(source === undefined ? {} : { source }),
        ...(etag === undefined ? {} : { etag }),
        ...(lastModified === undefined ? {} : { lastModified }),
        ...(download === undefined ? {} : { download }),
        files: copied.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
        links: copied.links.map(({ path }) => path),
      },
    })
  } catch (error) {
    throw storageError(error, `write into "${kept}"`)
  }
}

/**
 * What an earlier run has left, as paths. Its links are removed, and made anew last of all: nothing is written through a link.
 */
async function presentFiles(kept: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(kept, { recursive: true, withFileTypes: true }).catch(() => [])
  const present = new Set<string>()
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) await removeFile(path)
    else if (!entry.isDirectory()) present.add(path)
  }
  return present
}

/** The entries of it that have something at their place. */
async function presentEntries(folder: string, { entries }: CopiedResource): Promise<ReadonlySet<string>> {
  const there = new Set<string>()
  for (const entry of entries) if (await exists(join(folder, entry))) there.add(entry)
  return there
}

/** Gives a second name to a file that is as it should be at its place, where a person or an older definition has put it. */
async function keepPlaced(placed: string, path: string, { bytes, sha256 }: CopiedFile, signal: AbortSignal) {
  const found = await lstat(placed).catch(() => undefined)
  if (found?.isFile() !== true || found.size === 0 || found.size !== bytes) return 0
  if ((await hashFile(placed, ["sha256"], { signal })).digests.sha256 !== sha256) return 0
  await linkFile(placed, path)
  return bytes
}

async function makeFolders(kept: string, { files, links, folders }: CopiedResource): Promise<void> {
  const wanted = new Set([...[...files, ...links].map(({ path }) => dirname(path)), ...folders])
  for (const folder of wanted) await mkdir(join(kept, folder), { recursive: true })
}

async function copyFiles(
  preparation: Preparation,
  resource: StoredResource,
  { reader, copied, kept, has }: { reader: CopyReader; copied: CopiedResource; kept: string; has: Present },
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([preparation.signal, stop.signal])
  const report = reporter(preparation, resource, copied.files)
  const incoming: IncomingFiles = { reader, dataset: preparation.plan, kept, pace: new StoragePace(), signal, report }
  const bring = async (run: readonly CopiedFile[]): Promise<void> => {
    if (signal.aborted) throw interrupted()
    await copyRun(incoming, run, preparation.folder, has)
  }
  try {
    await sideBySide(AT_ONCE, runsOf(copied.files), bring, (error) => stop.abort(error))
  } catch (error) {
    throw preparation.signal.aborted ? interrupted() : error
  }
}

/** Files that are asked for at once: a request for each of many small ones would take longer than its bytes. */
function* runsOf(files: readonly CopiedFile[]): Generator<CopiedFile[]> {
  let run: CopiedFile[] = []
  let bytes = 0
  for (const file of files) {
    run.push(file)
    bytes += file.bytes
    if (bytes < RUN_BYTES && run.length < RUN_FILES) continue
    yield run
    run = []
    bytes = 0
  }
  if (run.length > 0) yield run
}

/** What an earlier run brought is not asked for again: whole files, and the beginnings of others, which come by themselves. */
async function copyRun(
  incoming: IncomingFiles,
  run: readonly CopiedFile[],
  folder: string,
  { present, placed }: Present,
): Promise<void> {
  const lacking: CopiedFile[] = []
  for (const file of run) {
    const path = join(incoming.kept, file.path)
    const have = present.has(path)
      ? await presentBytes(path, file, incoming.signal)
      : isWithin(file.path, placed)
        ? await keepPlaced(join(folder, file.path), path, file, incoming.signal)
        : 0
    incoming.report(have)
    if (have === file.bytes && have > 0) continue
    if (have > 0) await receiveFiles(incoming, [file], have)
    else lacking.push(file)
  }
  await receiveFiles(incoming, lacking)
  for (const file of run) if (file.executable === true) await makeExecutable(join(incoming.kept, file.path))
}

/** How many bytes of it are there; none of one that is as long as it should be, or longer, and is not what it should be. */
async function presentBytes(path: string, { bytes, sha256 }: CopiedFile, signal: AbortSignal): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.size === 0) return 0
  // What has a second name is not written to.
  if (found.isFile() && found.size < bytes && found.nlink === 1) return found.size
  if (found.isFile() && found.size === bytes) {
    if ((await hashFile(path, ["sha256"], { signal })).digests.sha256 === sha256) return bytes
  }
  await removeFile(path)
  return 0
}

/** For all who may read it, as archives are extracted: in a directory of a group others run it, too. */
async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  await chmod(path, (mode & 0o777) | ((mode & 0o444) >> 2))
}

function reporter(
  preparation: Preparation,
  resource: StoredResource,
  files: readonly CopiedFile[],
): (bytes: number) => void {
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  let sum = 0
  return (bytes) => {
    sum += bytes
    progress({ phase: "copy", dataset, resource: name, bytes: sum, total })
  }
}
