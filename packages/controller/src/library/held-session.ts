import { DatamaestroError, unlessAborted } from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import type { Machine } from "../machine.ts"
import type { Session } from "../session/session.ts"
import { openOn, type OpenOptions, type SessionSource } from "./session-source.ts"
import { stoppedBy } from "./stopped-by.ts"

/** How long calls may take to end when their context is closed, in milliseconds. */
const CLOSE_GRACE = 2000

/** A session, and how many calls work by it or wait for it. */
interface Held {
  readonly opened: Promise<Session>
  calls: number
}

/** A session for many calls: the signal of the call that opens it ends the opening, and nothing later. */
export async function openLasting(
  machine: Machine,
  options: OpenOptions,
  open: typeof openOn = openOn,
): Promise<Session> {
  const { stop, release } = stoppedBy(options.signal)
  try {
    return await open(machine, { ...options, signal: stop.signal })
  } finally {
    release()
  }
}

/**
 * One agent for all calls until it is closed; one that was lost is replaced by the next call. Closing cancels the calls
 * that are under way.
 */
export function heldSession(machine: Machine, first: Session, open: typeof openOn = openOn): SessionSource {
  let held: Held | undefined = { opened: Promise.resolve(first), calls: 0 }
  let closed = false
  const calls = new Map<Promise<unknown>, AbortController>()

  const reopen = (options: OpenOptions): Held => {
    const one: Held = { opened: openLasting(machine, options, open), calls: 0 }
    // What came of it is the affair of this call: the next one tries anew.
    one.opened.catch(() => giveUp(one))
    return one
  }
  /** The next call opens another one, unless one has done so already. */
  const giveUp = (lost: Held): void => {
    if (held === lost) held = undefined
  }
  /** One that was given up goes with its last call: until then a preparation may restore it for itself. */
  const leave = (one: Held): void => {
    one.calls--
    if (one.calls === 0 && one !== held) void closeHeld(one)
  }

  /** The session for a call, which is counted until it leaves. */
  const enter = async (options: OpenOptions): Promise<{ one: Held; session: Session }> => {
    const others = held
    const one = (held ??= reopen(options))
    one.calls++
    try {
      const session = await unlessAborted(one.opened, options.signal)
      if (others === undefined || !session.agent.closed) return { one, session }
      // Lost since the last call, with none under way that would have told.
      giveUp(one)
    } catch (error) {
      leave(one)
      // Another call may be opening it, and be interrupted: then this one opens it.
      if (others === undefined || options.signal?.aborted === true || !isInterrupted(error)) throw error
      return await enter(options)
    }
    leave(one)
    return await enter(options)
  }

  const run = async <R>(options: OpenOptions, work: (session: Session) => Promise<R>): Promise<R> => {
    const { one, session } = await enter(options)
    try {
      return await work(session)
    } catch (error) {
      if (isLoss(error)) giveUp(one)
      throw error
    } finally {
      leave(one)
    }
  }

  return {
    onDisconnect: machine.onDisconnect,
    slurm: machine.slurm,
    async use(options, work) {
      if (closed) {
        throw new DatamaestroError("USAGE", "Cannot use this context: it is closed", {
          hint: "close it after its last call, or make a new one with Context.remote",
        })
      }
      const { stop, release } = stoppedBy(options.signal)
      const { signal } = stop
      const call = run({ ...options, signal }, (session) => work(session, signal))
      calls.set(call, stop)
      try {
        return await call
      } finally {
        calls.delete(call)
        release()
      }
    },
    async close() {
      closed = true
      for (const stop of calls.values()) stop.abort()
      await Promise.race([Promise.allSettled(calls.keys()), sleep(CLOSE_GRACE, undefined, { ref: false })])
      const last = held
      held = undefined
      if (last !== undefined) await closeHeld(last)
    },
  }
}

async function closeHeld({ opened }: Held): Promise<void> {
  await opened.then((session) => session.close()).catch(() => {})
}

function isInterrupted(error: unknown): boolean {
  return error instanceof DatamaestroError && error.code === "INTERRUPTED"
}

function isLoss(error: unknown): boolean {
  if (!(error instanceof DatamaestroError)) return false
  return error.exitStatus === 8 || error.exitStatus === 9
}
