import {
  asDatamaestroError,
  DatamaestroError,
  interrupted,
  unlessAborted,
  type AgentClient,
} from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import type { Session, SessionOptions } from "../session/session.ts"
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
  const first = await open({ ...options, prompter }).finally(prompter.withdraw)
  return new ReconnectingSession(first, { open, options, prompter, ...reconnect })
}

interface Reopening extends ReconnectOptions {
  open(options: SessionOptions): Promise<Session>
  options: SessionOptions
  prompter: RememberingPrompter
}

/** Whose agent is another one once it was made anew. */
class ReconnectingSession implements Session {
  readonly #reopening: Reopening
  readonly #closing = new AbortController()
  #current: Session
  #declared = false
  #restoring: Promise<void> | undefined

  constructor(first: Session, reopening: Reopening) {
    this.#current = first
    this.#reopening = reopening
  }

  get label(): string {
    return this.#current.label
  }

  get agent(): AgentClient {
    return this.#current.agent
  }

  get initialized(): Session["initialized"] {
    return this.#current.initialized
  }

  get relay(): Session["relay"] {
    return this.#current.relay
  }

  async declareRepositories(): Promise<void> {
    this.#declared = true
    await this.#current.declareRepositories()
  }

  /** Many may ask at once. */
  async restore(lost: AgentClient, signal: AbortSignal | undefined): Promise<void> {
    if (this.#current.agent !== lost) return
    if (this.#closing.signal.aborted) {
      throw new DatamaestroError("CONNECTION_LOST", `The connection to "${this.#current.label}" was closed`)
    }
    this.#restoring ??= this.#restore().finally(() => (this.#restoring = undefined))
    this.#restoring.catch(() => {})
    await unlessAborted(this.#restoring, signal)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#current.close()
  }

  async #restore(): Promise<void> {
    await this.#current.close()
    const { options, prompter, minutes } = this.#reopening
    const { signal: closing } = this.#closing
    const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal])
    const again = { ...options, prompter, signal }
    const next = await reopen((attempt) => this.#openReady(attempt), again, { minutes, label: this.label, prompter })
    if (closing.aborted) return await next.close()
    this.#current = next
  }

  /** A connection that is lost again before its agent knows all is one more that failed. */
  async #openReady(attempt: SessionOptions): Promise<Session> {
    const session = await this.#reopening.open(attempt)
    try {
      if (this.#declared) await session.declareRepositories()
      return session
    } catch (error) {
      await session.close()
      throw error
    }
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
