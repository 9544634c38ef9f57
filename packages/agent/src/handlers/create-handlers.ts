import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import { cacheHandlers } from "./cache.ts"
import { copyHandlers } from "./copies.ts"
import { datasetHandlers } from "./datasets.ts"
import { JobHost } from "../jobs/job-host.ts"
import { initializeHandlers } from "./initialize.ts"
import { machineHandlers } from "./machine.ts"
import { jobHandlers } from "./jobs.ts"
import { orphanHandlers } from "./orphans.ts"
import { repositoryHandlers } from "./repositories.ts"
import { settingsHandlers } from "./settings.ts"

/** All that the controller may ask for, over one session. */
export function createHandlers(session: AgentSession, version: string, jobs = new JobHost(session)): AgentHandlers {
  return {
    ...initializeHandlers(session, version),
    ...settingsHandlers(session),
    ...machineHandlers(session),
    ...repositoryHandlers(session),
    ...datasetHandlers(session),
    ...jobHandlers(jobs),
    ...copyHandlers(session),
    ...cacheHandlers(session),
    ...orphanHandlers(session),
  }
}
