import type { JobLogEntry, JobState, JobSummary, Result } from "@datamaestro/protocol"
import { valueWithId } from "../value-with-id.ts"
import { requestAttach } from "../jobs/request-prepare.ts"
import { countOf } from "../reporter/count-of.ts"
import { describeEvent } from "../reporter/describe-event.ts"
import { describeCount } from "../reporter/line-reporter.ts"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The jobs of the data directory: id, state, dataset, progress, host, since when, one a line. */
export function listJobs(): Command<JobSummary[]> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: async ({ session, signal }) => (await session.agent.request("jobs/list", {}, { signal })).jobs,
    text: (jobs) =>
      jobs
        .map((job) =>
          tabLine([
            job.id,
            job.state,
            job.dataset ?? "",
            job.detail ?? progressOf(job),
            job.host ?? "",
            job.since === undefined ? "" : new Date(1000 * job.since).toISOString(),
          ]),
        )
        .join(""),
  }
}

/** A job's progress and its result, as if it ran in the foreground; Ctrl-C leaves it running. */
export function attachJob(job: string): Command<Result<"jobs/attach">> {
  return {
    needsRepositories: false,
    severalHosts: "object",
    onlyWatches: true,
    async run({ session, invocation, signal, onProgress }) {
      const onAbort = (): void => {
        const message = `job ${job} goes on; \`datamaestro jobs cancel ${job}\` ends it`
        onProgress({ phase: "notice", level: "info", message })
      }
      signal.addEventListener("abort", onAbort, { once: true })
      try {
        return await requestAttach(session, job, {
          signal,
          onProgress,
          defaultRepository: invocation.settings.default_repository,
        })
      } finally {
        signal.removeEventListener("abort", onAbort)
      }
    },
    json: valueWithId,
    text: (result) => `${JSON.stringify(valueWithId(result))}\n`,
  }
}

/** What a job has told, with times. */
export function jobLogs(job: string): Command<JobLogEntry[]> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: async ({ session, signal }) => (await session.agent.request("jobs/logs", { job }, { signal })).entries,
    text: (entries) => entries.map((entry) => tabLine([entry.time, textOf(entry)])).join(""),
  }
}

/** Ends a job, wherever it runs; what is downloaded is kept. */
export function cancelJob(job: string): Command<{ job: string; state: JobState }> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    run: ({ session, signal, onProgress }) => session.agent.request("jobs/cancel", { job }, { signal, onProgress }),
    text: ({ job: id, state }) => tabLine([id, state]),
  }
}

function textOf({ event, message }: JobLogEntry): string {
  if (event === undefined) return message ?? ""
  const count = countOf(event)
  return (count === undefined ? describeEvent(event, true) : describeCount(count, event)) ?? ""
}

function progressOf({ progress }: JobSummary): string {
  return progress === undefined ? "" : textOf({ time: "", event: progress })
}
