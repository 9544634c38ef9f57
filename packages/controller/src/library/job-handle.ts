import type { JobLogEntry, JobState, JobSummary } from "@datamaestro/protocol"
import { checkOptions } from "./check-options.ts"
import { valueWithId } from "../value-with-id.ts"
import type { CallOptions } from "./dataset-calls.ts"
import { requestAttach } from "../jobs/request-prepare.ts"
import { libraryCall } from "./library-call.ts"
import type { Session } from "../session/session.ts"
import type { UntypedValue } from "./selected-options.ts"
import type { SessionSource } from "./session-source.ts"
import { readUserSettings } from "../user-settings.ts"

/** Work in a data directory that outlives whoever began it; not yet looked up: each call finds it. */
export interface JobHandle<V = UntypedValue> {
  /** The job's id, or the beginning of one. */
  readonly id: string
  /**
   * Its progress so far and from now on, and the prepared value; resumes a job whose process is gone. Aborting only stops
   * looking: the call ends with INTERRUPTED, and the job goes on.
   *
   * @throws DatamaestroError UNKNOWN_JOB, and what the job failed with
   */
  attach(options?: CallOptions): Promise<V>
  /** Ends it, wherever it runs, and waits until it has; parts are kept. @returns the state it ended in */
  cancel(options?: CallOptions): Promise<JobState>
  /** What it has told, with times. */
  logs(options?: CallOptions): Promise<JobLogEntry[]>
}

export function jobHandle<V>(source: SessionSource, id: string): JobHandle<V> {
  return {
    id,
    attach: async (options = {}) => {
      checkOptions("attach", options)
      return await useIn(source, options, async (session, signal, onProgress) => {
        const { default_repository: defaultRepository } = readUserSettings()
        return valueWithId(await requestAttach(session, id, { signal, onProgress, defaultRepository })) as V
      })
    },
    cancel: async (options = {}) => {
      checkOptions("cancel", options)
      return await useIn(source, options, async (session, signal, onProgress) => {
        const { state } = await session.agent.request("jobs/cancel", { job: id }, { signal, onProgress })
        return state
      })
    },
    logs: async (options = {}) => {
      checkOptions("logs", options)
      return await useIn(source, options, async (session, signal) => {
        const { entries } = await session.agent.request("jobs/logs", { job: id }, { signal })
        return entries
      })
    },
  }
}

/** All jobs of a data directory, oldest first. */
export function listJobsIn(source: SessionSource, options: CallOptions): Promise<JobSummary[]> {
  return useIn(source, options, async (session, signal) => {
    const { jobs } = await session.agent.request("jobs/list", {}, { signal })
    return jobs
  })
}

function useIn<R>(
  source: SessionSource,
  options: CallOptions,
  run: (session: Session, signal: AbortSignal | undefined, onProgress: CallOptions["onProgress"]) => Promise<R>,
): Promise<R> {
  return libraryCall(options, ({ signal, prompter, onProgress }) =>
    source.use({ signal, prompter, onEvent: onProgress }, (session, until) => run(session, until, onProgress)),
  )
}
