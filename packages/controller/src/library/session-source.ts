import { DatamaestroError, unlessAborted } from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import { silentPrompter } from "../reporter/silent-prompter.ts"
import type { Machine, OnDisconnect } from "../machine.ts"
import { openReconnecting } from "../jobs/reconnecting-session.ts"
import { openSession, type Session, type SessionEvent, type SessionOptions } from "../session/session.ts"
import type { Prompter } from "../transport/prompter.ts"

export interface OpenOptions {
  signal?: AbortSignal | undefined
  onEvent?: ((event: SessionEvent) => void) | undefined
  prompter?: Prompter | undefined
  /** Work is left behind on purpose: the agent's end is not waited for. */
  detaches?: boolean | undefined
}

/** Where calls of the library get their agent from. */
export interface SessionSource {
  /** What becomes of work when the connection is lost. */
  readonly onDisconnect: OnDisconnect
  /** Preparations run in an allocation of Slurm. */
  readonly slurm: Machine["slurm"]
  /** @param run is given the signal to work by: that of `options`, which closing aborts as well */
  use<R>(options: OpenOptions, run: (session: Session, signal: AbortSignal | undefined) => Promise<R>): Promise<R>
  close(): Promise<void>
}

export async function openOn(machine: Machine, options: OpenOptions): Promise<Session> {
  const session: SessionOptions = {
    ssh: machine.ssh,
    node: machine.node,
    data: machine.data,
    dataSetting: machine.dataSetting,
    relay: machine.relay,
    prompter: options.prompter ?? silentPrompter,
    onEvent: options.onEvent ?? (() => {}),
    signal: options.signal,
  }
  return await openReconnecting(openSession, session, { minutes: machine.reconnectMinutes })
}

/** A session for many calls: the signal of the call that opens it ends the opening, and nothing later. */
export async function openLasting(
  machine: Machine,
  options: OpenOptions,
  open: typeof openOn = openOn,
): Promise<Session> {
  const opening = new AbortController()
  const abort = (): void => opening.abort()
  options.signal?.addEventListener("abort", abort, { once: true })
  if (options.signal?.aborted === true) abort()
  try {
    return await open(machine, { ...options, signal: opening.signal })
  } finally {
    options.signal?.removeEventListener("abort", abort)
  }
}

/** An agent for each call, gone after it: nothing is left that would keep the program from ending. */
export function sessionPerCall(machine: Machine): SessionSource {
  return {
    onDisconnect: machine.onDisconnect,
    slurm: machine.slurm,
    async use(options, run) {
      const session = await openOn(machine, options)
      try {
        return await run(session, options.signal)
      } finally {
        const closing = session.close()
        if (options.detaches !== true) await closing
      }
    },
    async close() {},
  }
}

/** How long calls may take to end when their context is closed, in milliseconds. */
const CLOSE_GRACE = 2000

/**
 * One agent for all calls until it is closed; one that was lost is replaced by the next call. Closing cancels the calls
 * that are under way.
 */
export function heldSession(machine: Machine, first: Session, open: typeof openOn = openOn): SessionSource {
  let session: Promise<Session> | undefined = Promise.resolve(first)
  const closing = new AbortController()
  const calls = new Set<Promise<unknown>>()
  const reopen = (options: OpenOptions): Promise<Session> => {
    const opened = openLasting(machine, options, open)
    // What came of it is the affair of this call: the next one tries anew.
    opened.catch(() => {
      if (session === opened) session = undefined
    })
    return opened
  }
  /** Another call may be opening it, and be interrupted: then this one opens it. */
  const current = async (options: OpenOptions): Promise<Session> => {
    const others = session
    try {
      return await unlessAborted((session ??= reopen(options)), options.signal)
    } catch (error) {
      if (others === undefined || options.signal?.aborted === true || !isInterrupted(error)) throw error
      return await current(options)
    }
  }
  /** The next call opens another one, unless one has done so already. */
  const giveUp = async (lost: Session): Promise<void> => {
    const held = session
    if ((await held?.catch(() => undefined)) !== lost || session !== held) return
    session = undefined
    void lost.close()
  }
  return {
    onDisconnect: machine.onDisconnect,
    slurm: machine.slurm,
    async use(options, run) {
      if (closing.signal.aborted) {
        throw new DatamaestroError("USAGE", "Cannot use this context: it is closed", {
          hint: "close it after its last call, or make a new one with Context.remote",
        })
      }
      const signal = AbortSignal.any([closing.signal, ...(options.signal === undefined ? [] : [options.signal])])
      const call = current({ ...options, signal }).then(async (each) => {
        try {
          return await run(each, signal)
        } catch (error) {
          if (isLoss(error)) await giveUp(each)
          throw error
        }
      })
      calls.add(call)
      try {
        return await call
      } finally {
        calls.delete(call)
      }
    },
    async close() {
      closing.abort()
      await Promise.race([Promise.allSettled(calls), sleep(CLOSE_GRACE, undefined, { ref: false })])
      const current = session
      session = undefined
      await current?.then((each) => each.close()).catch(() => {})
    },
  }
}

function isInterrupted(error: unknown): boolean {
  return error instanceof DatamaestroError && error.code === "INTERRUPTED"
}

function isLoss(error: unknown): boolean {
  if (!(error instanceof DatamaestroError)) return false
  return error.exitStatus === 8 || error.exitStatus === 9
}
