import type { Readable, Writable } from "node:stream"

/**
 * The narrow port that carries an agent: how a program is started on the data machine and spoken to.
 * Failures before a channel exists are thrown, already classified, as `DatamaestroError`s of the connection kind.
 */
export interface Transport {
  /** What messages call the machine: the name as typed, or `this machine`. */
  readonly label: string
  /** Who and where it resolved to, for messages and for remembering facts per machine: `user@host:port`. */
  readonly address: string
  /**
   * Starts `command`, one line parsed by the account's own login shell, without a terminal.
   *
   * @throws DatamaestroError CONNECTION_LOST and others of the connection kind
   */
  exec(command: string, options?: ExecOptions): Promise<Channel>
  /** Settles with the reason when the connection breaks; never when it is closed on purpose. Absent: channels tell. */
  readonly lost?: Promise<Error>
  /** Settles once the other side has given a sign of life that was asked for now; fails or hangs where it is gone. */
  check?(): Promise<void>
  /** What only a connection that outlives this process has. */
  readonly held?: HeldConnection
  /** Ends all channels and the connection. Never throws. */
  close(): Promise<void>
}

export interface ExecOptions {
  signal?: AbortSignal | undefined
  /** A program that `held.startAhead` was told to start by this very line may be taken in the command's place. */
  startedBy?: string | undefined
}

/** A connection that another process of ours keeps for the next command. */
export interface HeldConnection {
  /** It was there before this process asked for it: whatever fails on it may be its age. */
  readonly reused: boolean
  /** Has a program started for the next command, so that it is ready when it is asked for. */
  startAhead(command: string): void
  /** Ends it: it has turned out to be no good. */
  discard(): Promise<void>
}

/** A running program: its three streams and its end. */
export interface Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the program and its streams have ended; `error` when the link broke under it. */
  readonly ended: Promise<ChannelEnd>
  /** Closes the program's stdin and lets the channel go. */
  close(): void
}

export interface ChannelEnd {
  code: number | null
  signal: string | null
  error?: Error
}
