import {
  asDatamaestroError,
  DatamaestroError,
  interrupted,
  unlessAborted,
  type AgentClient,
} from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import type { Session, SessionOptions } from "../session.ts"
import { rememberingPrompter, type RememberingPrompter } from "./remembering-prompter.ts"

export interface ReconnectOptions {
  /** How long connecting again is tried. */
  minutes: number
}

const FIRST_DELAY = 500
const LONGEST_DELAY = 30_000
/** How long one attempt may take, unless a person is being asked. */
const ATTEMPT = 60_000

/** What can be otherwise at the next attempt. All else (a changed host key, a refused log-in) needs the person. */
const PASSING = new Set(["UNREACHABLE", "CONNECTION_LOST", "INTERRUPTED", "AGENT_DIED"])

export interface ReconnectingSession extends Session {
  /** Connects again unless that has happened since `lost` was the session's agent. Many may ask at once. */
  restore(lost: AgentClient, signal: AbortSignal | undefined): Promise<void>
}

/**
 * A session that can be made anew when its connection is lost: its agent is then another one.
 *
 * @throws DatamaestroError as `openSession`, for the first connection
 */
export async function openReconnecting(
  open: (options: SessionOptions) => Promise<Session>,
  options: SessionOptions,
  reconnect: ReconnectOptions,
): Promise<ReconnectingSession> {
  const prompter = rememberingPrompter(options.prompter)
  let current = await open({ ...options, prompter }).finally(prompter.withdraw)
  let declared = false
  const closing = new AbortController()
  const signals = [closing.signal, ...(options.signal === undefined ? [] : [options.signal])]
  let restoring: Promise<void> | undefined

  // A connection that is lost again before its agent knows all is one more that failed.
  const openReady = async (attempt: SessionOptions): Promise<Session> => {
    const session = await open(attempt)
    try {
      if (declared) await session.declareRepositories()
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }
  const restore = async (): Promise<void> => {
    await current.close()
    const again = { ...options, prompter, signal: AbortSignal.any(signals) }
    const next = await reopen(openReady, again, { ...reconnect, label: current.label, prompter })
    if (closing.signal.aborted) return await next.close()
    current = next
  }

  return {
    get label() {
      return current.label
    },
    get agent() {
      return current.agent
    },
    get initialized() {
      return current.initialized
    },
    get relay() {
      return current.relay
    },
    async declareRepositories() {
      declared = true
      await current.declareRepositories()
    },
    async restore(lost, signal) {
      if (current.agent !== lost) return
      if (closing.signal.aborted) {
        throw new DatamaestroError("CONNECTION_LOST", `The connection to "${current.label}" was closed`)
      }
      restoring ??= restore().finally(() => (restoring = undefined))
      restoring.catch(() => {})
      await unlessAborted(restoring, signal)
    },
    async close() {
      closing.abort()
      await current.close()
    },
  }
}

async function reopen(
  open: (options: SessionOptions) => Promise<Session>,
  options: SessionOptions,
  { minutes, label, prompter }: ReconnectOptions & { label: string; prompter: RememberingPrompter },
): Promise<Session> {
  const { signal, onEvent } = options
  const tell = (level: "info" | "warning", message: string): void => onEvent({ phase: "notice", level, message })
  tell("warning", `The connection to "${label}" was lost; the work goes on there: reconnecting`)
  const deadline = Date.now() + minutes * 60_000
  for (let delay = FIRST_DELAY; ; delay = Math.min(2 * delay, LONGEST_DELAY)) {
    // Half of it at random: after an outage not all come back in one moment.
    const pause = delay * (0.5 + Math.random() / 2)
    await sleep(pause, undefined, { signal }).catch(() => {})
    if (isAborted(signal)) throw interrupted()
    const attempt = new AbortController()
    const timer = setInterval(() => {
      if (!prompter.asking) attempt.abort()
    }, ATTEMPT)
    try {
      prompter.again()
      const attemptSignal = signal === undefined ? attempt.signal : AbortSignal.any([signal, attempt.signal])
      const session = await open({ ...options, signal: attemptSignal })
      tell("info", `Connected to "${label}" again`)
      return session
    } catch (thrown) {
      prompter.withdraw()
      if (isAborted(signal)) throw interrupted()
      const error = asDatamaestroError(thrown)
      const message = error.code === "INTERRUPTED" ? "it did not answer in time" : error.message
      if (!PASSING.has(error.code)) throw error
      if (Date.now() >= deadline) {
        throw new DatamaestroError("CONNECTION_LOST", `Cannot reconnect to "${label}" in ${minutes} min: ${message}`, {
          details: { host: label },
          cause: error,
        })
      }
      tell("info", `Cannot reconnect to "${label}" yet: ${message}`)
    } finally {
      clearInterval(timer)
    }
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
