import type { SshTarget } from "../transport/ssh-target.ts"

/** The first argument of a process that is a holder. */
export const HOLDER_ARGUMENT = "@hold-connection"

/** What a holder is started with, on its stdin. */
export interface HolderOptions {
  target: SshTarget
  folder: string
  key: string
  minutes: number
  /** Questions can be put to the person, through whoever started it. */
  mayAsk: boolean
}

/** The first frame on a connection to a holder. */
export type HoldRequest =
  /** A command begins; the connection is its lease, and carries what is asked and told while logging in. */
  | { op: "attach" }
  /** A channel of its own. `startedBy`: a program that was started ahead by this line may be taken instead. */
  | { op: "exec"; command: string; startedBy?: string | undefined }
  | { op: "status" }
  /** Ends the connection, with the last command that uses it. */
  | { op: "close" }

export interface HeldStatus {
  pid: number
  /** Who and where, as resolved: `user@host:port`. */
  address: string
  /** As typed by whoever asked first. */
  destination: string
  /** Milliseconds since 1970. */
  since: number
  /** Commands that use it now. */
  commands: number
  /** Seconds since the last command ended; absent while there are some. */
  idle?: number | undefined
  /** Seconds after which it ends when it stays idle. */
  limit: number
}

/** A failure, as it crosses to the command. */
export interface WireFailure {
  code: string
  message: string
  hint?: string | undefined
  details: Readonly<Record<string, unknown>>
}
