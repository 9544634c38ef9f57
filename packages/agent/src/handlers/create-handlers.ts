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
  const { initialize } = initializeHandlers(session, version)
  let initialized: Promise<unknown> | undefined
  const handlers: AgentHandlers = {
    initialize: (params, context) => {
      const answer = Promise.resolve(initialize(params, context))
      initialized = answer.catch(() => {})
      return answer
    },
    ...settingsHandlers(session),
    ...machineHandlers(session),
    ...repositoryHandlers(session),
    ...datasetHandlers(session),
    ...jobHandlers(jobs),
    ...copyHandlers(session),
    ...cacheHandlers(session),
    ...orphanHandlers(session),
  }
  // The controller need not wait for the answer to its first request before it sends one of these.
  const afterInitialize =
    <Given extends unknown[], R>(handle: (...given: Given) => R | Promise<R>) =>
    async (...given: Given): Promise<R> => {
      await initialized
      return await handle(...given)
    }
  handlers["datafolders/list"] = afterInitialize(handlers["datafolders/list"])
  handlers["repositories/declare"] = afterInitialize(handlers["repositories/declare"])
  return handlers
}
