import type { CacheEntry } from "@datamaestro/protocol"
import { readdir, stat, utimes } from "node:fs/promises"
import { join } from "node:path"
import {
  clearCache,
  listCache,
  verifyCache,
  type CacheClearOptions,
  type CacheVerifyOptions,
} from "./cache-commands.ts"
import { CacheLimit } from "./cache-limit.ts"
import { isInUse, lockPath, markInUse, type UseMark } from "./cache-hold.ts"
import { cacheKey } from "./cache-key.ts"
import { CacheNames } from "./cache-names.ts"
import { isPartName } from "./cache-orphan.ts"
import { CachePart, wiped } from "./cache-part.ts"
import { EntryRecord, readRecordFile } from "./cache-record.ts"
import { removeEntry, sweepOrphans } from "./cache-sweep.ts"
import { acquireLock, tryLock, type Lock, type LockOptions } from "./lock.ts"
import { errnoName } from "./errno-name.ts"
import { storageError } from "./storage-error.ts"
import { writeAtomic } from "./write-atomic.ts"
import { makeFolder } from "./make-folder.ts"

/** So old a look at the folder may be that seeks what is left of a download, in milliseconds: of many entries each look takes its time. */
const RECENT = 5000

export interface CacheEntryFound {
  path: string
  bytes: number
  /** Tells this very file from one that took its name since. */
  inode: number
  /** Absent for what Python datamaestro or a person put there. */
  record: EntryRecord | undefined
}

/** A use of an entry that this process has; released once. */
export interface CacheHold {
  release(options: { remove: boolean }): Promise<void>
}

export interface DownloadCacheOptions {
  /** Folder of another cache that is only read. */
  shared?: string | undefined
  /** Bytes; when entries are let go of, those not used for longest are removed until no more are left. */
  limit?: number | undefined
}

/**
 * The downloads of a data directory, in a folder that people may wipe at any time. `<key>.dl` is a whole download,
 * `<key>.url` its URL (as Python datamaestro reads it), `<key>.json` what was recorded of it; all else is work in
 * progress: `.tmp` unfinished, `.lock` who downloads, `.use` who reads.
 */
export class DownloadCache {
  readonly path: string
  /** Another cache that is only read: a download that it has is not made again. */
  readonly shared: DownloadCache | undefined
  readonly #limit: CacheLimit | undefined
  readonly #names: CacheNames
  /** The keys of parts that were opened and have not become entries. */
  readonly #begun = new Set<string>()
  readonly #marks = new Map<string, { count: number; mark: Promise<UseMark> }>()

  constructor(path: string, { shared, limit }: DownloadCacheOptions = {}) {
    this.path = path
    this.shared = shared === undefined ? undefined : new DownloadCache(shared)
    this.#limit = limit === undefined ? undefined : new CacheLimit(this, limit)
    this.#names = new CacheNames(path)
  }

  keyOf(url: string): string {
    return cacheKey(url)
  }

  entryPath(key: string): string {
    return join(this.path, `${key}.dl`)
  }

  async create(): Promise<void> {
    await this.#storage(`make the folder "${this.path}"`, () => makeFolder(this.path))
  }

  /** The lock that makes one process at a time download, or remove, an entry. */
  async lock(key: string, options: LockOptions): Promise<Lock> {
    return await acquireLock(lockPath(this.path, key), options)
  }

  /** The whole entry of that key, unverified. */
  async find(key: string): Promise<CacheEntryFound | undefined> {
    const path = this.entryPath(key)
    return await this.#storage(`read "${path}"`, async () => {
      const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined
        throw error
      })
      if (status === undefined || !status.isFile()) return undefined
      const record = await readRecordFile(join(this.path, `${key}.json`), EntryRecord)
      return { path, bytes: status.size, inode: status.ino, record }
    })
  }

  /** Whether there is anything of that key, whole or not, also in the shared cache, or was a moment ago. */
  async hasAny(key: string): Promise<boolean> {
    const names = await this.#names.of(key, RECENT).catch(() => [])
    return names.length > 0 || (await this.shared?.find(key).catch(() => undefined)) !== undefined
  }

  /** Of each key that has unfinished parts, the bytes of the largest. */
  async partSizes(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>()
    for (const name of await readdir(this.path).catch(() => [])) {
      if (!isPartName(name)) continue
      const key = name.slice(0, name.indexOf("."))
      const status = await stat(join(this.path, name)).catch(() => undefined)
      sizes.set(key, Math.max(sizes.get(key) ?? 0, status?.size ?? 0))
    }
    return sizes
  }

  /** Marks an entry as in use, so that nobody removes it; take it while holding the lock. */
  async hold(key: string): Promise<CacheHold> {
    let held = this.#marks.get(key)
    if (held === undefined) {
      held = { count: 0, mark: markInUse(this.path, key).catch(unmarkedIfReadOnly) }
      this.#marks.set(key, held)
    }
    held.count++
    try {
      await held.mark
    } catch (error) {
      this.#marks.delete(key)
      throw storageError(error, `write into "${this.path}"`)
    }
    let released = false
    return {
      release: async ({ remove }) => {
        if (released) return
        released = true
        await this.#release(key, remove)
      },
    }
  }

  async #release(key: string, remove: boolean): Promise<void> {
    const held = this.#marks.get(key)
    if (held === undefined || --held.count > 0) return
    this.#marks.delete(key)
    await (await held.mark).remove()
    try {
      if (remove) await this.remove(key)
      else await this.#limit?.keep(key)
    } catch (error) {
      // What can't be written to can't be tidied up either.
      if (!isReadOnly(error)) throw error
    }
  }

  /** Remembers that an entry is used now, for the limit and `--older-than`. */
  async touch(key: string): Promise<void> {
    const path = join(this.path, `${key}.json`)
    const now = new Date()
    try {
      await utimes(path, now, now)
    } catch {
      // Only its owner may set a file's times; a colleague who may write to it writes the same again.
      const record = await readRecordFile(path, EntryRecord)
      if (record !== undefined) await writeAtomic(path, JSON.stringify(record), { sync: false }).catch(() => {})
    }
  }

  /** Whether this or another process uses the entry. `names`: as `isInUse` has them, when known. */
  async inUse(key: string, names?: readonly string[]): Promise<boolean> {
    return this.#marks.has(key) || (await isInUse(this.path, names ?? (await this.#names.of(key))))
  }

  /** Removes an entry unless somebody holds or downloads it; says whether it did. */
  async remove(key: string): Promise<boolean> {
    const lock = await tryLock(lockPath(this.path, key))
    if (lock === undefined) return false
    try {
      if (await this.inUse(key)) return false
      await this.removeLocked(key)
      return true
    } finally {
      await lock.release()
    }
  }

  /** Removes an entry, whoever uses it; for the holder of its lock. */
  async removeLocked(key: string): Promise<void> {
    await this.#storage(`remove the cache entry "${key}"`, () => removeEntry(this.path, key))
  }

  /** An unfinished part to write into: the fullest orphan, or a new one; the other orphans go. `url` is recorded: no credentials. */
  async openPart(key: string, url: string): Promise<CachePart> {
    return await this.#storage(`write into "${this.path}"`, async () => {
      await makeFolder(this.path)
      // What another process began since, and was killed over, is begun anew; what this one left is looked for.
      const names = await this.#names.of(key, this.#begun.has(key) ? 0 : RECENT)
      this.#begun.add(key)
      const part = await CachePart.open(this.path, key, url, names)
      try {
        // Before there is an entry: whoever finds that one does not look for what else there is.
        await sweepOrphans(this.path, names)
        return part
      } catch (error) {
        await part.keep()
        throw error
      }
    })
  }

  /** A new part beside another one, for content that is made from it. */
  async createPart(key: string, url: string): Promise<CachePart> {
    return await this.#storage(`write into "${this.path}"`, () => CachePart.create(this.path, key, url))
  }

  /**
   * Makes a verified part the entry. What is known of it is written first: after a crash between the two, a
   * record without a file does no harm, a file without its record could not be verified.
   *
   * @param url the URL as `.url` shows it to Python datamaestro, or `undefined` where it holds credentials
   */
  async commit(key: string, part: CachePart, url: string | undefined, record: EntryRecord): Promise<CacheEntryFound> {
    const path = this.entryPath(key)
    return await this.#storage(`write "${path}"`, async () => {
      const lost = wiped(part.path)
      await writeAtomic(join(this.path, `${key}.json`), JSON.stringify(record), { sync: false }).catch(lost)
      if (url !== undefined) await writeAtomic(join(this.path, `${key}.url`), url, { sync: false }).catch(lost)
      // The name itself need not be forced onto the disk: without it there is a part, or a download to be made again.
      await part.commit(path)
      this.#begun.delete(key)
      const { ino } = await stat(path).catch(lost)
      return { path, bytes: record.bytes, inode: ino, record }
    })
  }

  /** Records what was found out about an entry that came without a record, unless it was wiped meanwhile. */
  async record(key: string, record: EntryRecord): Promise<void> {
    const path = join(this.path, `${key}.json`)
    await this.#storage(`write "${path}"`, () => writeAtomic(path, JSON.stringify(record), { sync: false })).catch(
      (error: unknown) => {
        if (errnoName(error) !== "ENOENT") throw error
      },
    )
  }

  /** What is in the cache: whole entries and unfinished parts. */
  async list(): Promise<CacheEntry[]> {
    const files = await this.#storage(`read "${this.path}"`, () => listCache(this.path))
    return files.map(({ entry }) => entry)
  }

  /** Removes all that no living process uses. */
  async clear(options: CacheClearOptions = {}): Promise<{ removed: number; bytes: number; kept: number }> {
    return await this.#storage(`clear "${this.path}"`, () => clearCache(this, options))
  }

  /** Compares each whole entry with what was recorded at its download, and removes the broken ones. */
  async verify(
    options: CacheVerifyOptions = {},
  ): Promise<{ sound: number; removed: { key: string; reason: string }[] }> {
    return await this.#storage(`verify "${this.path}"`, () => verifyCache(this, options))
  }

  async #storage<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw storageError(error, doing)
    }
  }
}

/** Whether the storage refuses every write here: a read-only mount, or somebody else's folder. */
export function isReadOnly(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return ["READ_ONLY", "PERMISSION_DENIED", "EROFS", "EACCES", "EPERM"].includes(String(code))
}

/** Nothing of a folder that can't be written to is removed by those who would look for the mark. */
function unmarkedIfReadOnly(error: unknown): UseMark {
  if (!isReadOnly(error)) throw error
  return { remove: async () => {} }
}
