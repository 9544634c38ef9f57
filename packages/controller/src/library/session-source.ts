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
