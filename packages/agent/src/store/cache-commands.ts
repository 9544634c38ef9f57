import { interrupted, type CacheEntry } from "@datamaestro/protocol"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { hashFile } from "../verify/hash-file.ts"
import { isInUse, isLocked, lockPath } from "./cache-hold.ts"
import { isOrphan, isPartName, recordPathOf } from "./cache-orphan.ts"
import { EntryRecord, PartRecord, readRecordFile } from "./cache-record.ts"
import { sweepOrphans } from "./cache-sweep.ts"
import type { DownloadCache } from "./cache.ts"
import { redactUrl } from "./cache-url.ts"
import { fileSystemNow } from "./file-system-now.ts"
import { sweepClaims } from "./lock-claim.ts"
import { tryLock, type Lock } from "./lock.ts"
import { readPlainFile } from "./open-plain-file.ts"
import { removeFile } from "./remove-file.ts"

export interface CacheClearOptions {
  /** Only entries neither changed nor used for this many seconds. */
  olderThan?: number | undefined
  signal?: AbortSignal
}

export interface CacheVerifyOptions {
  signal?: AbortSignal
  /** Bytes hashed of all entries together. */
  onBytes?(bytes: number, total: number): void
}

/** Leftovers of crashed processes (locks, claims, marks, clock probes, records) are removed when older than this. */
const LEFTOVER_SECONDS = 3600

/** Keys that are locked together, so that one look at the folder tells of all of them who uses them. */
const CLEARED_AT_ONCE = 500
/** Calls of the file system that wait for each other. */
const AT_ONCE = 16
/** What is read whole: more at once would only make a disk seek. */
const HASHED_AT_ONCE = 4

/** Of a whole download. */
const ENTRY_NAME = /^[0-9a-f]{64}\.dl$/

/** What `cache list` shows, and the name of the file that it is. */
export interface CacheFile {
  name: string
  entry: CacheEntry
}

export async function listCache(folder: string): Promise<CacheFile[]> {
  const names = await namesIn(folder)
  const ofKey = byKey(names)
  const files: CacheFile[] = []
  await sweepDeadMarks(folder, ofKey)
  await sideBySide(AT_ONCE, names, async (name) => {
    const complete = ENTRY_NAME.test(name)
    if (!complete && !isPartName(name)) return
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status === undefined || !status.isFile()) return
    const key = name.slice(0, 64)
    const url = complete ? await urlOf(folder, key) : await partUrl(folder, key, path)
    const used = complete ? await lastUse(folder, key) : undefined
    const entry: CacheEntry = {
      key,
      ...(used === undefined ? {} : { used: Math.floor(Math.max(used, status.mtimeMs) / 1000) }),
      ...(url === undefined ? {} : { url }),
      bytes: status.size,
      modified: Math.floor(status.mtimeMs / 1000),
      complete,
      inUse: complete
        ? (await isInUse(folder, ofKey.get(key) ?? [])) || (await isLocked(folder, key, ofKey.get(key) ?? []))
        : !(await isOrphan(path, await readRecordFile(recordPathOf(path), PartRecord))),
    }
    files.push({ name, entry })
  })
  return files.sort(
    ({ entry: a }, { entry: b }) => (a.url ?? a.key).localeCompare(b.url ?? b.key, "en") || (a.key < b.key ? -1 : 1),
  )
}

export async function clearCache(
  cache: DownloadCache,
  { olderThan = 0, signal }: CacheClearOptions,
): Promise<{ removed: number; bytes: number; kept: number }> {
  const result = { removed: 0, bytes: 0, kept: 0 }
  const names = await namesIn(cache.path)
  if (names.length === 0) return result
  const now = await fileSystemNow(join(cache.path, "clear"))
  const keys = [...byKey(names)]
  for (let index = 0; index < keys.length; index += CLEARED_AT_ONCE) {
    if (signal?.aborted === true) throw interrupted()
    await clearKeys(cache, keys.slice(index, index + CLEARED_AT_ONCE), now - olderThan * 1000, result)
  }
  await removeLeftovers(cache.path, now)
  return result
}

async function clearKeys(
  cache: DownloadCache,
  keys: readonly (readonly [string, readonly string[]])[],
  before: number,
  result: { removed: number; bytes: number; kept: number },
): Promise<void> {
  const locks = new Map<string, Lock>()
  try {
    await sideBySide(AT_ONCE, keys, async ([key]) => {
      const lock = await tryLock(lockPath(cache.path, key))
      if (lock !== undefined) locks.set(key, lock)
    })
    // Who begins to use an entry does so with its lock: from here on nobody does.
    const wanted = new Set(keys.map(([key]) => key))
    const present = byKey((await readdir(cache.path)).filter((name) => wanted.has(name.slice(0, 64))))
    await sideBySide(AT_ONCE, keys, async ([key, names]) => {
      const entries = names.filter((name) => ENTRY_NAME.test(name) || isPartName(name))
      if (locks.has(key)) await clearKey(cache, { key, entries, present: present.get(key) ?? [] }, before, result)
      else result.kept += entries.length
    })
  } finally {
    await sideBySide(AT_ONCE, locks.values(), (lock) => lock.release())
  }
}

async function clearKey(
  cache: DownloadCache,
  { key, entries, present }: { key: string; entries: readonly string[]; present: readonly string[] },
  before: number,
  result: { removed: number; bytes: number; kept: number },
): Promise<void> {
  let keepsEntry = false
  await sweepMarks(cache.path, key, present)
  for (const name of entries) {
    const path = join(cache.path, name)
    const status = await stat(path).catch(() => undefined)
    if (status === undefined) continue
    const complete = name.endsWith(".dl")
    const used = complete ? await lastUse(cache.path, key) : undefined
    const removable =
      Math.max(status.mtimeMs, used ?? 0) <= before &&
      (complete ? !(await cache.inUse(key, present)) : (await sweepOrphans(cache.path, [name])).length > 0)
    if (!removable) {
      keepsEntry ||= complete
      result.kept++
      continue
    }
    if (complete) await cache.removeLocked(key)
    result.removed++
    result.bytes += status.size
  }
  // Also what is beside no entry: a `.url` that Python datamaestro left, a record whose file was removed by hand.
  if (!keepsEntry) await cache.removeLocked(key)
}

/** Lets go of what dead processes left beside entries, where that can be written to. */
async function sweepDeadMarks(folder: string, ofKey: ReadonlyMap<string, readonly string[]>): Promise<void> {
  for (const [key, names] of ofKey) {
    if (!names.some((name) => /\.(use|lock)(\.|$)/.test(name))) continue
    const lock = await tryLock(lockPath(folder, key)).catch(() => undefined)
    if (lock === undefined) continue
    await sweepMarks(folder, key, names).catch(() => {})
    await lock.release().catch(() => {})
  }
}

/** Removes claims and marks of dead processes; for the holder of the key's lock. */
async function sweepMarks(folder: string, key: string, names: readonly string[]): Promise<void> {
  await sweepClaims(lockPath(folder, key), names)
  await isInUse(folder, names)
}

async function removeLeftovers(folder: string, now: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!/\.(clock|use|lock|lock\.[0-9a-f-]+|lock\.inode-\d+|json\.tmp|tmp)$/.test(name) || isPartName(name)) continue
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status !== undefined && now - status.mtimeMs > LEFTOVER_SECONDS * 1000) await removeFile(path)
  }
}

export async function verifyCache(
  cache: DownloadCache,
  { signal, onBytes }: CacheVerifyOptions,
): Promise<{ sound: number; removed: { key: string; reason: string }[] }> {
  const result: { sound: number; removed: { key: string; reason: string }[] } = { sound: 0, removed: [] }
  const names = await namesIn(cache.path)
  await sweepDeadMarks(cache.path, byKey(names))
  const entries: { key: string; size: number }[] = []
  await sideBySide(AT_ONCE, names, async (name) => {
    const status = ENTRY_NAME.test(name) ? await stat(join(cache.path, name)).catch(() => undefined) : undefined
    if (status !== undefined) entries.push({ key: name.slice(0, 64), size: status.size })
  })
  const total = entries.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  await sideBySide(HASHED_AT_ONCE, entries, async ({ key, size }) => {
    let before = 0
    const onPart = (bytes: number): void => {
      done += bytes - before
      before = bytes
      onBytes?.(Math.min(done, total), total)
    }
    const reason = await faultOf(cache, key, onPart, signal)
    onPart(size)
    if (reason === undefined) result.sound++
    else if (await cache.remove(key)) result.removed.push({ key, reason })
  })
  result.removed.sort((a, b) => (a.key < b.key ? -1 : 1))
  return result
}

/** What is wrong with an entry. One without a record can't be judged; its present content is recorded. */
async function faultOf(
  cache: DownloadCache,
  key: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const entry = await cache.find(key)
  if (entry === undefined) return undefined
  if (entry.record !== undefined && entry.record.bytes !== entry.bytes) {
    return `it has ${entry.bytes} bytes, wanted ${entry.record.bytes}`
  }
  const { bytes, digests } = await hashFile(entry.path, ["sha256"], { ...(signal && { signal }), onBytes })
  const sha256 = digests.sha256 ?? ""
  if (entry.record === undefined) {
    const url = await urlOf(cache.path, key)
    await cache.record(key, { ...(url === undefined ? {} : { url }), bytes, sha256 })
    return undefined
  }
  return sha256 === entry.record.sha256 ? undefined : `its sha256 is ${sha256}, wanted ${entry.record.sha256}`
}

/** When an entry was last used, in milliseconds: the time of its record, which each use renews. */
async function lastUse(folder: string, key: string): Promise<number | undefined> {
  return (await stat(join(folder, `${key}.json`)).catch(() => undefined))?.mtimeMs
}

async function urlOf(folder: string, key: string): Promise<string | undefined> {
  const record = await readRecordFile(join(folder, `${key}.json`), EntryRecord)
  if (record?.url !== undefined) return record.url
  const url = await readPlainFile(join(folder, `${key}.url`)).catch(() => undefined)
  return url === undefined ? undefined : redactUrl(url)
}

async function partUrl(folder: string, key: string, path: string): Promise<string | undefined> {
  return (await readRecordFile(recordPathOf(path), PartRecord))?.url ?? (await urlOf(folder, key))
}

/** The names that belong to each key, in their order. */
function byKey(names: readonly string[]): Map<string, string[]> {
  const ofKey = new Map<string, string[]>()
  for (const name of names) {
    const [key] = /^[0-9a-f]{64}(?=\.)/.exec(name) ?? []
    const known = key === undefined ? undefined : ofKey.get(key)
    if (known !== undefined) known.push(name)
    else if (key !== undefined) ofKey.set(key, [name])
  }
  return ofKey
}

/** The folder's names in a fixed order; none when there is no folder yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
}
