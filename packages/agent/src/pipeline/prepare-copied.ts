import { createHash, type Hash } from "node:crypto"
import { createReadStream } from "node:fs"
import { chmod, mkdir, open, readdir, stat, symlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { DatamaestroError, interrupted, type CopiedResource } from "@datamaestro/protocol"
import { asCopyError, type CopyReader } from "../copy/copy-reader.ts"
import { requireInside } from "../copy/require-inside.ts"
import { storageError } from "../store/storage-error.ts"
import { hashFile } from "../verify/hash-file.ts"
import type { StoredResource } from "./found-dataset.ts"
import { placeKept } from "./place-kept.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { removeFile } from "../store/remove-file.ts"

const AT_ONCE = 16
const REPORT_MILLISECONDS = 100

type CopiedFile = CopiedResource["files"][number]

/**
 * Brings a resource as another machine has it, each file held against its SHA-256. What an interrupted run brought is
 * kept: whole files, and the beginning of those that were under way.
 */
export async function prepareCopied(
  preparation: Preparation,
  resource: StoredResource,
  { reader, copied }: { reader: CopyReader; copied: CopiedResource },
): Promise<void> {
  const kept = join(preparation.downloads, `${resource.name}.copied`)
  try {
    requireInside(copied)
    await removeLinks(kept)
    await makeFolders(kept, copied)
    await copyFiles(preparation, resource, { reader, copied, kept })
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

/** Those of an earlier run are made anew, last of all: nothing is written through a link. */
async function removeLinks(kept: string): Promise<void> {
  const entries = await readdir(kept, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isSymbolicLink()) await removeFile(join(entry.parentPath, entry.name))
}

async function makeFolders(kept: string, { files, links, folders }: CopiedResource): Promise<void> {
  const wanted = new Set([...[...files, ...links].map(({ path }) => dirname(path)), ...folders])
  for (const folder of wanted) await mkdir(join(kept, folder), { recursive: true })
}

async function copyFiles(
  preparation: Preparation,
  resource: StoredResource,
  { reader, copied, kept }: { reader: CopyReader; copied: CopiedResource; kept: string },
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([preparation.signal, stop.signal])
  const report = reporter(preparation, resource, copied.files)
  const next = copied.files.values()
  const work = async (): Promise<void> => {
    for (const file of next) {
      if (signal.aborted) throw interrupted()
      const path = join(kept, file.path)
      if (await isThere(path, file, signal)) report(file.bytes)
      else await copyFile(reader, { dataset: preparation.plan, file, path, signal, report })
      if (file.executable === true) await makeExecutable(path)
    }
  }
  const workers = Array.from({ length: AT_ONCE }, () => work())
  for (const worker of workers) worker.catch((error: unknown) => stop.abort(error))
  // All of them: nothing may still be written when this ends.
  const failed = (await Promise.allSettled(workers)).find((result) => result.status === "rejected")
  if (failed !== undefined) throw preparation.signal.aborted ? interrupted() : (stop.signal.reason ?? failed.reason)
}

/** For all who may read it, as archives are extracted: in a directory of a group others run it, too. */
async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  await chmod(path, (mode & 0o777) | ((mode & 0o444) >> 2))
}

async function isThere(path: string, { bytes, sha256 }: CopiedFile, signal: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true || found.size !== bytes) return false
  return (await hashFile(path, ["sha256"], { signal })).digests.sha256 === sha256
}

interface OneCopy {
  dataset: { id: string; repository: string }
  file: CopiedFile
  path: string
  signal: AbortSignal
  report(bytes: number): void
}

/**
 * Under its own name, which may be as long as the file system lets it be: one that is shorter than it should be is a
 * beginning, and what is as long counts by its sum only.
 */
async function copyFile(reader: CopyReader, { dataset, file, path, signal, report }: OneCopy): Promise<void> {
  const hash = createHash("sha256")
  let have = (await stat(path).catch(() => undefined))?.size ?? 0
  if (have >= file.bytes) {
    await removeFile(path)
    have = 0
  }
  if (have > 0) await feed(hash, path, signal)
  report(have)
  const output = await open(path, "a")
  try {
    if (have < file.bytes) {
      const body = await reader.file(dataset, file.path, have, signal)
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          hash.update(chunk)
          await output.writeFile(chunk)
          have += chunk.length
          report(chunk.length)
        }
      } catch (error) {
        throw signal.aborted ? interrupted() : asCopyError(error)
      }
    }
  } finally {
    await output.close()
  }
  const found = hash.digest("hex")
  if (found !== file.sha256 || have !== file.bytes) {
    await removeFile(path)
    throw new DatamaestroError(
      "CHECKSUM_MISMATCH",
      `Cannot copy "${file.path}" of "${dataset.id}": its SHA-256 is ${found}, wanted ${file.sha256}`,
      {
        hint: "the file was changed where it is copied from: verify the dataset there, or prepare it here",
        details: { path: file.path, wanted: file.sha256, found },
      },
    )
  }
}

async function feed(hash: Hash, path: string, signal: AbortSignal): Promise<void> {
  await pipeline(
    createReadStream(path, { highWaterMark: 1024 * 1024 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk)
    },
    { signal },
  )
}

function reporter(
  preparation: Preparation,
  resource: StoredResource,
  files: readonly CopiedFile[],
): (bytes: number) => void {
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  let sum = 0
  let reported = 0
  return (bytes) => {
    sum += bytes
    if (sum < total && performance.now() - reported < REPORT_MILLISECONDS) return
    reported = performance.now()
    progress({ phase: "copy", dataset, resource: name, bytes: sum, total })
  }
}
