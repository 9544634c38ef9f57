import type { AgentHandlers } from "@datamaestro/protocol"
import type { JobHost } from "../jobs/job-host.ts"

type JobMethods = "datasets/prepare" | "jobs/start" | "jobs/list" | "jobs/attach" | "jobs/logs" | "jobs/cancel"

/** Preparing datasets: each preparation is a job, which may outlive the connection. */
export function jobHandlers(jobs: JobHost): Pick<AgentHandlers, JobMethods> {
  return {
    "datasets/prepare": (request, context) => jobs.prepare(request, context),
    "jobs/start": async (request) => ({ job: await jobs.start(request) }),
    "jobs/list": async () => ({ jobs: await jobs.directory.list() }),
    "jobs/attach": (request, context) => jobs.attach(request, context),
    "jobs/logs": async ({ job }) => ({ entries: await jobs.directory.logs(job) }),
    "jobs/cancel": ({ job }, { signal }) => jobs.cancel(job, signal),
  }
}
