import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"

type RepositoryMethods =
  "repositories/declare" | "repositories/list" | "repositories/check" | "repositories/inspect" | "packs/upload"

/** The repositories of the controller, and how they get here. */
export function repositoryHandlers(session: AgentSession): Pick<AgentHandlers, RepositoryMethods> {
  return {
    "repositories/declare": async ({ repositories, unreadable }) => {
      session.declare(repositories, unreadable)
      const modules = repositories.flatMap(({ module }) => (module.kind === "pack" ? [module] : []))
      if (modules.length === 0) return { missing: [] }
      const { missingPacks } = await import("../packs/pack-store.ts")
      return { missing: await missingPacks(session.packs, modules) }
    },

    "repositories/list": async () => {
      const index = await session.repositoryIndex()
      return { repositories: await index.list(), unreadable: [...index.unreadable] }
    },

    "repositories/check": async ({ repository }, context) => {
      const [{ checkRepository }, index, { tokens }] = await Promise.all([
        import("../pipeline/check-repository.ts"),
        session.repositoryIndex(),
        session.settings(),
      ])
      return await checkRepository(repository, index, { ...context, tokens })
    },

    "repositories/inspect": async ({ repository }, { signal }) => {
      const [{ inspectRepository }, index] = await Promise.all([
        import("../resolve/inspect-repository.ts"),
        session.repositoryIndex(),
      ])
      return await inspectRepository(repository, index, signal)
    },

    "packs/upload": async (piece, { signal }) => {
      await (await session.packReceiver()).receive(piece, signal)
      return {}
    },
  }
}
