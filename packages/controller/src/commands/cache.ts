import { formatBytes, type CacheEntry, type Result } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The downloads kept on the machine: bytes, state, time of the last use, URL, one a line. */
export function listCache(): Command<CacheEntry[]> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: async ({ session, signal }) => (await session.agent.request("cache/list", {}, { signal })).entries,
    text: (entries) =>
      entries
        .map((entry) =>
          tabLine([
            String(entry.bytes),
            entry.inUse ? "in use" : entry.complete ? "complete" : "partial",
            new Date(1000 * (entry.used ?? entry.modified)).toISOString(),
            entry.url ?? entry.key,
          ]),
        )
        .join(""),
  }
}

/** @param olderThan seconds */
export function clearCache(olderThan?: number): Command<Result<"cache/clear">> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: ({ session, signal }) => session.agent.request("cache/clear", { olderThan }, { signal }),
    text: ({ removed, bytes, kept }) =>
      `removed ${removed} (${formatBytes(bytes)}), kept ${kept}${olderThan === undefined ? " in use" : " in use or newer"}\n`,
  }
}

/** Compares every download with what is known of it, and removes those that are not sound. */
export function verifyCache(): Command<Result<"cache/verify">> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: ({ session, signal, onProgress }) => session.agent.request("cache/verify", {}, { signal, onProgress }),
    text: ({ sound, removed }) =>
      [tabLine(["sound", String(sound)]), ...removed.map(({ key, reason }) => tabLine(["removed", key, reason]))].join(
        "",
      ),
  }
}
