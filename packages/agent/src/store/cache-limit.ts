import { SIZE } from "@datamaestro/protocol"
import { stat } from "node:fs/promises"
import { sharedRun } from "../concurrency/shared-run.ts"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { listCache, type CacheFile } from "./cache-commands.ts"
import { sweepOrphans } from "./cache-sweep.ts"
import type { DownloadCache } from "./cache.ts"

/** An unfinished download that nobody continues is kept for so long, whatever the limit. */
const YOUNG_SECONDS = 7 * 86_400
const REMOVED_AT_ONCE = 100
/** How long it is not looked for what others have added. */
const LOOK_SECONDS = 60

const POWERS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** The bytes of `50 GB` (powers of 1000), `1.5 TiB` (of 1024) or a plain number; `undefined` for anything else. */
export function sizeInBytes(size: string | number): number | undefined {
  if (typeof size === "number") return size
  const [, count, prefix = "", binary] = SIZE.exec(size) ?? []
  if (count === undefined) return undefined
  return Math.floor(Number(count) * (binary ? 1024 : 1000) ** (POWERS[prefix.toLowerCase()] ?? 0))
}

/** Keeps a cache below a size, with few looks at it. */
export class CacheLimit {
  readonly #cache: DownloadCache
  /** Bytes that may still come before it is looked again, and when it was last, on `performance`'s clock. */
  #room = { bytes: -1, at: 0 }
  readonly #trim: () => Promise<void>

  constructor(cache: DownloadCache, limit: number) {
    this.#cache = cache
    this.#trim = sharedRun(async () => {
      this.#room = { bytes: limit - (await trimCache(cache, limit)), at: performance.now() }
    })
  }

  /** To be called when an entry is let go of. */
  async keep(key: string): Promise<void> {
    this.#room.bytes -= (await stat(this.#cache.entryPath(key)).catch(() => undefined))?.size ?? 0
    // Others add to the cache, too.
    const old = performance.now() - this.#room.at > LOOK_SECONDS * 1000
    if (old || this.#room.bytes < 0) await this.#trim()
  }
}

/**
 * Brings the cache below a size: what was not used for longest goes first. What is in use stays, and so do unfinished
 * downloads that are young; the limit is exceeded rather than that.
 *
 * @returns the bytes that are left
 */
export async function trimCache(cache: DownloadCache, limit: number): Promise<number> {
  const files = await listCache(cache.path)
  let total = files.reduce((sum, { entry }) => sum + entry.bytes, 0)
  const now = Date.now() / 1000
  files.sort(({ entry: a }, { entry: b }) => (a.used ?? a.modified) - (b.used ?? b.modified))
  const candidates = files
    .filter(({ entry: { complete, inUse, modified } }) => !inUse && (complete || now - modified >= YOUNG_SECONDS))
    .values()
  const remove = async ({ name, entry: { key, bytes, complete } }: CacheFile): Promise<void> => {
    const gone = complete ? await cache.remove(key) : (await sweepOrphans(cache.path, [name])).length > 0
    if (gone) total -= bytes
  }
  const choose = (): CacheFile[] => {
    const chosen: CacheFile[] = []
    let left = total
    while (left > limit) {
      const next = candidates.next()
      if (next.done === true) break
      chosen.push(next.value)
      left -= next.value.entry.bytes
    }
    return chosen
  }
  // Together, since those that are removed at once share a look at the folder.
  for (let chosen = choose(); chosen.length > 0; chosen = choose()) {
    await sideBySide(REMOVED_AT_ONCE, chosen, remove)
  }
  return total
}
