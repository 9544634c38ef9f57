import { checkSources } from "./check-sources.ts"

/** A dry run is not worth waiting longer for, in milliseconds. */
const PATIENCE = 15_000

/**
 * Bytes of downloads by their first URL, as servers tell them; of each the first source that knows. What can't be told
 * in time is left out.
 *
 * @throws DatamaestroError INTERRUPTED
 */
export async function downloadSizes(
  downloads: readonly { urls: readonly string[] }[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  let left = downloads.map(({ urls }) => ({ first: urls[0] ?? "", urls: urls.filter((url) => !url.startsWith("gs:")) }))
  for (let at = 0; left.length > 0; at++) {
    left = left.filter(({ first, urls }) => !sizes.has(first) && urls.length > at)
    const asked = new Set(left.flatMap(({ urls }) => urls.slice(at, at + 1)))
    try {
      for (const [url, { ok, size }] of await checkSources(asked, { signal: patience })) {
        if (!ok || size === undefined) continue
        for (const { first, urls } of left) if (urls[at] === url) sizes.set(first, size)
      }
    } catch (error) {
      if (signal.aborted || !patience.aborted) throw error
      return sizes
    }
  }
  return sizes
}
