import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import { cacheHandlers } from "./cache.ts"
import { datasetHandlers } from "./datasets.ts"
import { initializeHandlers } from "./initialize.ts"
import { machineHandlers } from "./machine.ts"
import { repositoryHandlers } from "./repositories.ts"
import { settingsHandlers } from "./settings.ts"

/** All that the controller may ask for, over one session. */
export function createHandlers(session: AgentSession, version: string): AgentHandlers {
  return {
    ...initializeHandlers(session, version),
    ...settingsHandlers(session),
    ...machineHandlers(session),
    ...repositoryHandlers(session),
    ...datasetHandlers(session),
    ...cacheHandlers(session),
  }
}
