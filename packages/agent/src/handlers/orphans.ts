import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"

/** Data that belongs to no known dataset. */
export function orphanHandlers(session: AgentSession): Pick<AgentHandlers, "orphans/list" | "orphans/remove"> {
  const load = async () => {
    const [module, index] = await Promise.all([import("../pipeline/orphans.ts"), session.repositoryIndex()])
    return { ...module, options: { paths: session.paths, index } }
  }
  return {
    "orphans/list": async ({ size }, { signal }) => {
      const { findOrphans, options } = await load()
      return await findOrphans({ ...options, size, signal })
    },

    "orphans/remove": async ({ paths }, { signal }) => {
      const { removeOrphans, options } = await load()
      return { removed: await removeOrphans(paths, { ...options, signal }) }
    },
  }
}
