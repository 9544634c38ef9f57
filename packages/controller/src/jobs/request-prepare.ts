import {
  DatamaestroError,
  isConnectionLost,
  newJobId,
  type AgentClient,
  type Params,
  type ProgressEvent,
  type ProgressListener,
  type Result,
} from "@datamaestro/protocol"
import type { Session, SessionEvent } from "../session/session.ts"

export interface PrepareCall {
  signal?: AbortSignal | undefined
  onProgress?: ((event: ProgressEvent | SessionEvent) => void) | undefined
}

/**
 * Prepares a dataset over a session. Where the session can be made anew, a lost connection is a pause: the same job
 * is asked for again, which goes on, and is found.
 *
 * @throws DatamaestroError what the agent answered; CONNECTION_LOST naming the job when it can't be reached any more
 */
export async function requestPrepare(
  session: Session,
  params: Params<"datasets/prepare">,
  { signal, onProgress }: PrepareCall,
): Promise<Result<"datasets/prepare">> {
  const job = newJobId()
  const tell = onProgress === undefined ? undefined : onceEach(onProgress)
  for (;;) {
    const { agent, relay } = session
    relay?.want({ id: params.id, defaultRepository: params.defaultRepository })
    try {
      return await agent.request(
        "datasets/prepare",
        { ...params, job, relay: relay?.mode },
        { signal, onProgress: tell },
      )
    } catch (error) {
      if (!isConnectionLost(error) || params.onDisconnect === "cancel" || session.restore === undefined) throw error
      await restore(session, agent, job, { signal, onProgress })
    }
  }
}

/** The same for a job that is there: `jobs attach`. */
export async function requestAttach(
  session: Session,
  job: string,
  { signal, onProgress, defaultRepository }: PrepareCall & { defaultRepository?: string | undefined },
): Promise<Result<"jobs/attach">> {
  const tell = onProgress === undefined ? undefined : onceEach(onProgress)
  for (;;) {
    const { agent, relay } = session
    try {
      if (relay !== undefined) {
        const { jobs } = await agent.request("jobs/list", {}, { signal })
        const named = jobs.filter(({ id, dataset }) => dataset !== undefined && id.startsWith(job))
        for (const { dataset: id = "" } of named) relay.want({ id, defaultRepository })
      }
      return await agent.request("jobs/attach", { job, relay: relay?.mode }, { signal, onProgress: tell })
    } catch (error) {
      if (!isConnectionLost(error) || session.restore === undefined) throw error
      await restore(session, agent, job, { signal, onProgress })
    }
  }
}

async function restore(session: Session, lost: AgentClient, job: string, call: PrepareCall): Promise<void> {
  try {
    await session.restore?.(lost, call.signal)
  } catch (error) {
    const attach = `\`datamaestro jobs attach ${job}\``
    if (call.signal?.aborted === true && isInterruption(error)) {
      const message = `"${session.label}" could not be told to cancel: unless it had not begun, the work goes on there as job ${job}`
      call.onProgress?.({ phase: "notice", level: "warning", message })
      throw error
    }
    if (!(error instanceof DatamaestroError)) throw error
    throw new DatamaestroError(error.code, error.message, {
      hint: `the work goes on there: ${attach} finds it${error.hint === undefined ? "" : `; ${error.hint}`}`,
      details: { ...error.details, job },
      cause: error,
    })
  }
}

function isInterruption(error: unknown): boolean {
  return error instanceof DatamaestroError && error.code === "INTERRUPTED"
}

/** What happens once is told once, though whoever comes back hears of it again. */
function onceEach(listener: ProgressListener): ProgressListener {
  const told = new Set<string>()
  return (event) => {
    if (event.phase === "dataset" || event.phase === "resource") {
      const key = JSON.stringify([event.phase, event.dataset, "resource" in event ? event.resource : event.state])
      if (told.has(key)) return
      told.add(key)
    }
    listener(event)
  }
}
