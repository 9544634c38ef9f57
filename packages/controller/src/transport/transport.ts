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
  exec(command: string, options?: { signal?: AbortSignal | undefined }): Promise<Channel>
  /** Ends all channels and the connection. Never throws. */
  close(): Promise<void>
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
