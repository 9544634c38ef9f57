import { DatamaestroError } from "@datamaestro/protocol"
import { silentPrompter } from "./reporter/silent-prompter.ts"
import type { Machine, OnDisconnect } from "./machine.ts"
import { openReconnecting } from "./jobs/reconnecting-session.ts"
import { openSession, type Session, type SessionEvent, type SessionOptions } from "./session.ts"
import type { Prompter } from "./transport/prompter.ts"

export interface OpenOptions {
  signal?: AbortSignal | undefined
  onEvent?: ((event: SessionEvent) => void) | undefined
  prompter?: Prompter | undefined
}

/** Where calls of the library get their agent from. */
export interface SessionSource {
  /** What becomes of work when the connection is lost. */
  readonly onDisconnect: OnDisconnect
  use<R>(options: OpenOptions, run: (session: Session) => Promise<R>): Promise<R>
  close(): Promise<void>
}

export async function openOn(machine: Machine, options: OpenOptions): Promise<Session> {
  const session: SessionOptions = {
    ssh: machine.ssh,
    node: machine.node,
    data: machine.data,
    debug: false,
    relay: machine.relay,
    prompter: options.prompter ?? silentPrompter,
    onEvent: options.onEvent ?? (() => {}),
    signal: options.signal,
  }
  return await openReconnecting(openSession, session, { minutes: machine.reconnectMinutes })
}

/** An agent for each call, gone after it: nothing is left that would keep the program from ending. */
export function sessionPerCall(machine: Machine): SessionSource {
  return {
    onDisconnect: machine.onDisconnect,
    async use(options, run) {
      const session = await openOn(machine, options)
      try {
        return await run(session)
      } finally {
        await session.close()
      }
    },
    async close() {},
  }
}

/** One agent for all calls until it is closed; one that was lost is replaced by the next call. */
export function heldSession(machine: Machine, first: Session): SessionSource {
  let session: Promise<Session> | undefined = Promise.resolve(first)
  let closed = false
  return {
    onDisconnect: machine.onDisconnect,
    async use(options, run) {
      if (closed) throw new DatamaestroError("USAGE", "Cannot use this context: it is closed")
      const current = (session ??= openOn(machine, options))
      try {
        return await run(await current)
      } catch (error) {
        if (isLoss(error) && session === current) {
          session = undefined
          void current.then((lost) => lost.close()).catch(() => {})
        }
        throw error
      }
    },
    async close() {
      closed = true
      const current = session
      session = undefined
      await current?.then((each) => each.close()).catch(() => {})
    },
  }
}

function isLoss(error: unknown): boolean {
  if (!(error instanceof DatamaestroError)) return false
  return error.exitStatus === 8 || error.exitStatus === 9
}
