import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { copyFile, link, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { PlannedBucket } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import type { CachedDownload, FetchRequest, PlacedFile } from "../pipeline-types.ts"
import { storageError } from "../store/storage-error.ts"
import { hashFile } from "../verify/hash-file.ts"
import { quietFetchContext } from "./fetch-context.ts"
import { listBucket, type BucketObject } from "./list-bucket.ts"
import { placeKept } from "./place-kept.ts"
import { prepareArchives } from "./prepare-archives.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { removeFile } from "../store/remove-file.ts"

/** As many requests as one server ever gets. */
const AT_ONCE = 16
/** The most that is worth holding in memory, in bytes. */
const SMALL_OBJECT = 4 * 1024 * 1024
/** Failures of one archive after which another may do. */
const ARCHIVE_FAILURES = new Set(["DOWNLOAD_FAILED", "TRUNCATED", "CHECKSUM_MISMATCH", "CORRUPT", "CONTENT_MISMATCH"])

/**
 * Fetches all files below a prefix of a bucket, several at a time. Those of an interrupted run are kept and verified;
 * where the bucket can't be listed, the archives take its place, in their order.
 */
export async function prepareBucket(
  preparation: Preparation,
  resource: PlannedBucket,
): Promise<"downloaded" | "cached"> {
  let objects: BucketObject[]
  try {
    objects = await listBucket(resource, (url) => fetchQuietly(preparation, resource, { urls: [url], integrity: [] }))
  } catch (error) {
    return await fromMirrors(preparation, resource, error)
  }
  await fetchAll(preparation, resource, objects)
  return "downloaded"
}

async function fromMirrors(preparation: Preparation, resource: PlannedBucket, error: unknown) {
  const refused = error instanceof DatamaestroError && ["DOWNLOAD_FAILED", "CORRUPT"].includes(error.code)
  let last = error
  for (const mirror of refused ? resource.mirrors : []) {
    const message = `${last instanceof Error ? last.message : String(last)}; trying ${mirror.download.urls[0] ?? ""}`
    preparation.options.progress({ phase: "notice", level: "info", message })
    try {
      return await prepareArchives(preparation, resource, [mirror])
    } catch (failure) {
      if (!(failure instanceof DatamaestroError) || !ARCHIVE_FAILURES.has(failure.code)) throw failure
      last = failure
    }
  }
  throw last
}

async function fetchAll(
  preparation: Preparation,
  resource: PlannedBucket,
  objects: readonly BucketObject[],
): Promise<void> {
  const kept = join(preparation.downloads, `${resource.name}.objects`)
  const files: PlacedFile[] = []
  const stop = new AbortController()
  const within = { ...preparation, signal: AbortSignal.any([preparation.signal, stop.signal]) }
  const report = reporter(preparation, resource, objects)
  try {
    const { downloads } = await queues()
    const bring = async (object: BucketObject): Promise<void> => {
      files.push(
        (await haveOne(within, resource, object, kept)) ??
          (await inTurn(downloads, within.signal, () => fetchOne(within, resource, object, kept))),
      )
      report(object.bytes)
    }
    await sideBySide(AT_ONCE, objects, bring, (error) => stop.abort(error))
    await removeOthers(kept, new Set(files.map(({ path }) => join(kept, path))))
    await placeKept(preparation, resource, {
      path: kept,
      files: files.map(({ path }) => path),
      moves: [{ from: "", to: resource.target }],
      record: {
        source: `gs://${resource.bucket}/${resource.prefix}`,
        files: files.map((file) => ({ ...file, path: `${resource.target}/${file.path}` })),
      },
    })
  } catch (error) {
    throw storageError(error, `write into "${kept}"`)
  }
}

/** A file of the bucket that is in the folder already, or that one request brings. */
async function haveOne(
  preparation: Preparation,
  resource: PlannedBucket,
  object: BucketObject,
  folder: string,
): Promise<PlacedFile | undefined> {
  const path = join(folder, object.path)
  const there = await keptFile(path, object, preparation.signal)
  if (there !== undefined) return { path: object.path, ...there }
  // Without a sum nothing shows what a crash has left of it.
  if (object.md5 === undefined) return undefined
  const { fetchSmall } = await import("../fetch/fetch-small.ts")
  const small = await fetchSmall(requestOf(object), quietFetchContext(preparation, resource), SMALL_OBJECT)
  if (small === undefined) return undefined
  await mkdir(dirname(path), { recursive: true })
  // Not through another name: what a crash leaves here is held against its sum before it counts. Anew, though: what is
  // there may be a link to a download.
  await writeFile(path, small.content, { flag: "wx" }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error
    await rm(path)
    await writeFile(path, small.content, { flag: "wx" })
  })
  return { path: object.path, bytes: small.content.length, sha256: small.sha256 }
}

function requestOf({ url, md5, bytes }: BucketObject): FetchRequest {
  const integrity = md5 === undefined ? [] : [{ algorithm: "md5" as const, hex: md5, of: "download" as const }]
  return { urls: [url], integrity, size: bytes }
}

/** A file of the bucket in the folder, whole: fetched with all care, verified, and moved there. */
async function fetchOne(
  preparation: Preparation,
  resource: PlannedBucket,
  object: BucketObject,
  folder: string,
): Promise<PlacedFile> {
  const path = join(folder, object.path)
  const download = await fetchNow(preparation, resource, requestOf(object))
  try {
    await mkdir(dirname(path), { recursive: true })
    // Not its own name with more: that may be as long as a name can be.
    const temporary = join(dirname(path), `${randomBytes(6).toString("hex")}.part`)
    try {
      await link(download.path, temporary).catch(() =>
        copyFile(download.path, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE),
      )
      await rename(temporary, path)
    } finally {
      await removeFile(temporary)
    }
  } finally {
    await download.release({ remove: true })
  }
  return { path: object.path, bytes: download.bytes, sha256: download.sha256 }
}

/** What an interrupted run left that is not in the bucket any more, or was not whole. */
async function removeOthers(folder: string, files: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isDirectory() && !files.has(path)) await rm(path)
  }
}

async function keptFile(
  path: string,
  { bytes, md5 }: BucketObject,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string } | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (md5 === undefined || found?.isFile() !== true || found.size !== bytes) return undefined
  const { digests } = await hashFile(path, ["md5", "sha256"], { signal })
  return digests.md5 === md5 ? { bytes, sha256: digests.sha256 ?? "" } : undefined
}

async function fetchQuietly(
  preparation: Preparation,
  resource: PlannedBucket,
  request: Omit<FetchRequest, "size">,
): Promise<CachedDownload> {
  const { downloads } = await queues()
  return await inTurn(downloads, preparation.signal, () =>
    fetchNow(preparation, resource, { ...request, size: undefined }),
  )
}

async function fetchNow(
  preparation: Preparation,
  resource: PlannedBucket,
  request: FetchRequest,
): Promise<CachedDownload> {
  const { fetchDownload } = await import("../fetch/fetch-download.ts")
  return await fetchDownload(request, quietFetchContext(preparation, resource))
}

function reporter(
  preparation: Preparation,
  resource: PlannedBucket,
  objects: readonly BucketObject[],
): (bytes: number) => void {
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  const total = objects.reduce((sum, object) => sum + object.bytes, 0)
  const url = `gs://${resource.bucket}/${resource.prefix}`
  let done = 0
  return (bytes) => {
    done += bytes
    progress({ phase: "download", dataset, resource: name, url, bytes: done, total })
  }
}
