import { open } from "node:fs/promises"
import { DatamaestroError } from "@datamaestro/protocol"
import { isReadOnly, type CacheEntryFound, type CacheHold } from "../store/cache.ts"
import { PartLost } from "../store/cache-part.ts"
import { redactUrl } from "../store/cache-url.ts"
import type { Lock } from "../store/lock.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { download, type DownloadJob } from "./download.ts"
import { throttled } from "./fetch-events.ts"
import { isDataDue, startsAsHtml } from "./html-page.ts"
import { byHand, pageHint, reasonOf } from "./source-error.ts"

/** A whole, verified entry and this process's hold of it. */
export interface Obtained {
  entry: CacheEntryFound
  sha256: string
  fromCache: boolean
  hold: CacheHold
}

/** What `verifyEntry` says of an entry that is no good. */
const BROKEN: ReadonlySet<string> = new Set(["CHECKSUM_MISMATCH", "TRUNCATED", "DOWNLOAD_FAILED"])

/** How often a download is begun again after somebody wiped the cache or took the part over. */
const MOST_RESTARTS = 5

/**
 * The verified cache entry of the job's key, downloaded if need be. The key's lock is held while downloading, so
 * that others wait and use the result, but not while an entry that is there is verified.
 */
export async function obtain(job: DownloadJob): Promise<Obtained> {
  const { cache, key } = job
  try {
    await cache.create()
    return await obtainHere(job)
  } catch (error) {
    // A cache that can't be written to serves what it has.
    const entry = isReadOnly(error) ? await cache.find(key) : undefined
    if (entry === undefined) throw error
    job.availability.ofEntry(entry)
    return { entry, sha256: await verifyEntry(job, entry), fromCache: true, hold: await cache.hold(key) }
  }
}

async function obtainHere(job: DownloadJob): Promise<Obtained> {
  const { cache, key } = job
  let broken: number | undefined
  for (let restarts = 0; ;) {
    let found: { entry: CacheEntryFound; hold: CacheHold } | undefined
    const lock = await lockOf(job)
    try {
      let entry = await cache.find(key)
      if (entry !== undefined && entry.inode === broken) {
        await cache.removeLocked(key)
        entry = undefined
      }
      if (entry === undefined) return (await fromShared(job)) ?? (await fresh(job))
      found = { entry, hold: await cache.hold(key) }
    } catch (error) {
      if (!(error instanceof PartLost)) throw storageError(error, `download into "${cache.path}"`)
      if (++restarts > MOST_RESTARTS) throw alwaysLost(cache.path, error)
    } finally {
      await lock.release()
    }
    if (found === undefined) continue
    const { entry, hold } = found
    job.availability.ofEntry(entry)
    try {
      return { entry, sha256: await verifyEntry(job, entry), fromCache: true, hold }
    } catch (error) {
      await hold.release({ remove: false })
      if (await isGoneMeanwhile(job, entry, error)) continue
      if (job.cachedOnly === true || !isBroken(error) || (await cache.inUse(key))) throw error
      broken = entry.inode
      job.emit({
        phase: "notice",
        level: "warning",
        message: `Removed the cached download of ${redactUrl(job.request.urls[0] ?? "")}: ${reasonOf(error)}`,
      })
    }
  }
}

/**
 * The key's lock, waited for. What comes is held meanwhile: whoever downloads it would remove it after its use, and it would be
 * downloaded again. While this very process has the lock, for a request that is not quite the same, there is nobody to tell of.
 */
async function lockOf({ cache, key, signal, emit }: DownloadJob): Promise<Lock> {
  let held: Promise<CacheHold | undefined> | undefined
  const letGo = async (): Promise<void> => await (await held)?.release({ remove: false })
  const onWait = (holder: string, seconds: number, own: boolean): void => {
    held ??= cache.hold(key).catch(() => undefined)
    if (!own) emit({ phase: "wait", holder, seconds })
  }
  try {
    const lock = await cache.lock(key, { signal, onWait })
    const release = async (): Promise<void> => {
      try {
        await letGo()
      } finally {
        await lock.release()
      }
    }
    return { held: () => lock.held(), release }
  } catch (error) {
    await letGo()
    throw error
  }
}

function notCached(url: string): DatamaestroError {
  const reason = "the download cache does not have it"
  return new DatamaestroError("NOT_PREPARED", `Cannot use "${redactUrl(url)}" without downloading: ${reason}`, {
    hint: "run the same command without --no-downloads",
    details: { url: redactUrl(url) },
  })
}

function alwaysLost(path: string, cause: PartLost): DatamaestroError {
  return new DatamaestroError(
    "STORAGE_FAILED",
    `Cannot download into "${path}": what came was removed there ${MOST_RESTARTS + 1} times`,
    { hint: "find out what removes files there, then run the same command again", details: { path }, cause },
  )
}

/** The entry of the shared cache, if it is there and sound. */
async function fromShared(job: DownloadJob): Promise<Obtained | undefined> {
  const { cache, key } = job
  if (job.request.leftOut !== undefined) return undefined
  const entry = await cache.shared?.find(key).catch(() => undefined)
  if (entry === undefined) return undefined
  job.availability.ofEntry(entry)
  try {
    return { entry, sha256: await verifyEntry(job, entry), fromCache: true, hold: await cache.hold(key) }
  } catch (error) {
    if (job.signal.aborted) throw error
    job.emit({
      phase: "notice",
      level: "warning",
      message: `Downloading anew what the shared cache has damaged: ${error instanceof DatamaestroError ? reasonOf(error) : String(error)}`,
    })
    return undefined
  }
}

async function fresh(job: DownloadJob): Promise<Obtained> {
  if (job.cachedOnly === true) throw notCached(job.request.urls[0] ?? job.key)
  const entry = await download(job)
  const hold = await job.cache.hold(job.key)
  return { entry, sha256: entry.record?.sha256 ?? "", fromCache: false, hold }
}

/** SHA-256 of an entry that is what was recorded at its download and what is declared; throws otherwise. */
async function verifyEntry(job: DownloadJob, entry: CacheEntryFound): Promise<string> {
  const { request, cache, key, signal } = job
  const what = { name: redactUrl(request.urls[0] ?? key), path: entry.path }
  const { record } = entry
  const wanted = record?.bytes ?? request.size
  if (wanted !== undefined && wanted !== entry.bytes) throw wrongSize(what, wanted, entry.bytes)
  if (request.size !== undefined && request.size !== entry.bytes) throw wrongSize(what, request.size, entry.bytes)
  const tell = throttled((bytes: number) => job.emit({ phase: "verify", bytes, total: entry.bytes }))
  const { bytes, digests } = await hashFile(entry.path, ["sha256", ...request.integrity.map((one) => one.algorithm)], {
    signal,
    onBytes: tell,
  })
  const sha256 = digests.sha256 ?? ""
  if (record !== undefined) checkIntegrity([{ algorithm: "sha256", hex: record.sha256, of: "download" }], digests, what)
  checkIntegrity(request.integrity, digests, what)
  if (await isPageInstead(job, entry)) throw cachedPage(job)
  const own = entry.path === cache.entryPath(key)
  if (own && record !== undefined) await cache.touch(key)
  if (own && record === undefined) {
    const url = request.urls[0]
    await cache
      .record(key, { ...(url === undefined ? {} : { url: redactUrl(url) }), bytes, sha256 })
      .catch((error: unknown) => {
        if (!isReadOnly(error)) throw error
      })
    if (request.integrity.length === 0) {
      job.emit({
        phase: "notice",
        level: "info",
        message: `Using the cached download of ${what.name} unverified: another program left it, and no checksum of it is declared`,
      })
    }
  }
  return sha256
}

/** No sum tells that it is the data, and it is a page: Python's datamaestro and browsers keep a login page as what they came for. */
async function isPageInstead({ request }: DownloadJob, { path }: CacheEntryFound): Promise<boolean> {
  if (request.integrity.length > 0 || !isDataDue(request)) return false
  const file = await open(path, "r")
  try {
    return await startsAsHtml(file)
  } finally {
    await file.close()
  }
}

function cachedPage({ cache, key, request }: DownloadJob): DatamaestroError {
  const url = redactUrl(request.urls[0] ?? key)
  return new DatamaestroError("DOWNLOAD_FAILED", `Cannot use the cached download of "${url}": it is an HTML page`, {
    hint: pageHint(byHand(url, cache.entryPath(key))),
    details: { url },
  })
}

function wrongSize(what: { name: string; path: string }, wanted: number, found: number): DatamaestroError {
  return new DatamaestroError(
    found < wanted ? "TRUNCATED" : "CHECKSUM_MISMATCH",
    `Cannot accept "${what.name}": it has ${found} bytes, wanted ${wanted}`,
    { hint: "run `datamaestro cache verify`", details: { wanted, found, path: what.path } },
  )
}

/** The entry was wiped by hand while it was verified. */
async function isGoneMeanwhile({ cache, key }: DownloadJob, entry: CacheEntryFound, error: unknown): Promise<boolean> {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== "ENOENT") return false
  return (await cache.find(key))?.inode !== entry.inode
}

function isBroken(error: unknown): error is DatamaestroError {
  return error instanceof DatamaestroError && BROKEN.has(error.code)
}
