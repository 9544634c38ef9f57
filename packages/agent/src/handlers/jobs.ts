import type { AgentHandlers } from "@datamaestro/protocol"
import type { JobHost } from "../jobs/job-host.ts"

type JobMethods = "datasets/prepare" | "jobs/start" | "jobs/list" | "jobs/attach" | "jobs/logs" | "jobs/cancel"

/** Preparing datasets: each preparation is a job, which may outlive the connection. */
export function jobHandlers(jobs: JobHost): Pick<AgentHandlers, JobMethods> {
  return {
    "datasets/prepare": async (request, context) => {
      await allHere()
      return await jobs.prepare(request, context)
    },
    "jobs/start": async (request, { signal }) => {
      await allHere()
      return { job: await jobs.start(request, signal) }
    },
    "jobs/list": async () => ({ jobs: await jobs.directory.list() }),
    "jobs/attach": async (request, context) => {
      await allHere()
      return await jobs.attach(request, context)
    },
    "jobs/logs": async ({ job }) => ({ entries: await jobs.directory.logs(job) }),
    "jobs/cancel": ({ job }, context) => jobs.cancel(job, context),
  }
}

/** Work that outlives the connection does not begin before all of the agent has come through it. */
async function allHere(): Promise<void> {
  await import("../pipeline.ts")
}
