import { SIZE } from "@datamaestro/protocol"
import { listCache } from "./cache-commands.ts"
import { sweepOrphans } from "./cache-sweep.ts"
import type { DownloadCache } from "./cache.ts"

/** An unfinished download that nobody continues is kept for so long, whatever the limit. */
const YOUNG_SECONDS = 7 * 86_400

const POWERS: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** The bytes of `50 GB` (powers of 1000), `1.5 TiB` (of 1024) or a plain number; `undefined` for anything else. */
export function sizeInBytes(size: string | number): number | undefined {
  if (typeof size === "number") return size
  const [, count, prefix = "", binary] = SIZE.exec(size) ?? []
  if (count === undefined) return undefined
  return Math.floor(Number(count) * (binary ? 1024 : 1000) ** (POWERS[prefix.toLowerCase()] ?? 0))
}

/**
 * Brings the cache below a size: what was not used for longest goes first. What is in use stays, and so do unfinished
 * downloads that are young; the limit is exceeded rather than that.
 *
 * @returns the bytes that were removed
 */
export async function trimCache(cache: DownloadCache, limit: number): Promise<number> {
  const files = await listCache(cache.path)
  let total = files.reduce((sum, { entry }) => sum + entry.bytes, 0)
  let removed = 0
  const now = Date.now() / 1000
  files.sort(({ entry: a }, { entry: b }) => (a.used ?? a.modified) - (b.used ?? b.modified))
  for (const { name, entry } of files) {
    const { key, bytes, complete, inUse, modified } = entry
    if (total <= limit) break
    if (inUse || (!complete && now - modified < YOUNG_SECONDS)) continue
    const gone = complete ? await cache.remove(key) : (await sweepOrphans(cache.path, key, [name])).length > 0
    if (!gone) continue
    total -= bytes
    removed += bytes
  }
  return removed
}
