import type { GlobalSettings } from "@datamaestro/protocol"
import type { WayOut } from "./way-out.ts"

/**
 * The URLs to try, in order and each once: for each URL of the plan first its mirrors (the settings' longest prefix
 * first, its replacements in their order), then itself.
 */
export function sourcesOf(urls: readonly string[], mirrors: GlobalSettings["mirrors"] = {}): string[] {
  const prefixes = Object.entries(mirrors).sort(([a], [b]) => b.length - a.length)
  const sources = new Set<string>()
  for (const url of urls) {
    for (const [prefix, replacements] of prefixes) {
      if (prefix === "" || !url.startsWith(prefix)) continue
      for (const replacement of typeof replacements === "string" ? [replacements] : replacements) {
        sources.add(replacement + url.slice(prefix.length))
      }
    }
    sources.add(url)
  }
  return [...sources]
}

/**
 * Whether it can be asked now. A controller that relays knows none of the data machine's mirrors.
 *
 * @param urls those of the plan
 */
export function isReachable(source: string, urls: readonly string[], wayOut: WayOut | undefined): boolean {
  return wayOut === undefined || urls.includes(source) || /^file:/i.test(source) || wayOut.mayReach(source)
}
