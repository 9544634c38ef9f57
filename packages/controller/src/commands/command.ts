import type { AheadRequest, DatamaestroError } from "@datamaestro/protocol"
import type { Machine } from "../machine.ts"
import type { Session } from "../session/session.ts"
import type { CommandEvent } from "../reporter/reporter.ts"
import type { Invocation } from "./invocation.ts"

/** One command at work on one machine. */
export interface Call {
  session: Session
  machine: Machine
  invocation: Invocation
  signal: AbortSignal
  onProgress: (event: CommandEvent) => void
  /**
   * Tells of a failure that the rest of the command goes on after; `position`: of the argument it belongs to; `where`: on the
   * machine of the call, which is the default, or on this one.
   */
  fail(error: unknown, position: number, where?: "there" | "here"): void
}

/** A command returns data; this says how it becomes text. */
export interface Command<R> {
  /** Whether the controller's repositories must be known on the machine. */
  needsRepositories: boolean
  /** What `run` asks for first: sent together with the handshake, it saves a round trip. */
  ahead?: AheadRequest
  /** It leaves work behind on purpose: the agent's end is not waited for. */
  detaches?: boolean
  /** Why it can't be meant so, said before anything is connected to. */
  refuse?: (invocation: Invocation) => DatamaestroError | undefined
  /** It shows work that goes on without it: Ctrl-C ends the showing only. */
  onlyWatches?: boolean
  /** @returns what to print, or nothing after a failure */
  run(call: Call): Promise<R | undefined>
  /** The machine-readable result; by default the result itself. */
  json?(result: R): unknown
  /** For people: whole lines, each with its line end, or nothing. */
  text(result: R): string
  /** With several hosts: one object keyed by host, or each line of `text` behind its host. */
  severalHosts: "object" | "lines"
}

/** A command that goes to the machines its own way. */
export interface DirectCommand {
  /** @returns the failure that decides the exit status; it has been told */
  execute(invocation: Invocation): Promise<DatamaestroError | undefined>
}

/** A failure with its place among the arguments. */
export interface Failure {
  error: DatamaestroError
  position: number
}
