import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"

/** The download cache of the data directory. */
export function cacheHandlers(
  session: AgentSession,
): Pick<AgentHandlers, "cache/list" | "cache/clear" | "cache/verify"> {
  return {
    "cache/list": async () => ({ entries: await (await session.downloadCache()).list() }),

    "cache/clear": async ({ olderThan }, { signal }) => (await session.downloadCache()).clear({ olderThan, signal }),

    "cache/verify": async (_, { signal, progress }) => {
      const cache = await session.downloadCache()
      return await cache.verify({
        signal,
        onBytes: (bytes, total) => progress({ phase: "verify", dataset: "cache", resource: "downloads", bytes, total }),
      })
    },
  }
}
