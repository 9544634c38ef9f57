import type { DatamaestroError, ProgressEvent } from "@datamaestro/protocol"
import type { SessionEvent } from "../session/session.ts"

/** All that is told while a command works: by the controller itself, and by agents. */
export type CommandEvent = ProgressEvent | SessionEvent

/** What shows a command's course to somebody. Only reporters print, and only to stderr. */
export interface Reporter {
  /** @param host as typed, when there are several to tell apart */
  event(event: CommandEvent, host?: string): void
  /** @param host as typed, absent for this machine */
  error(error: DatamaestroError, host?: string): void
  /** Clears the way for a question; what happens meanwhile is kept. */
  pause(): void
  resume(): void
  /** Leaves the terminal as it was found. */
  end(): void
}

export interface ReporterOptions {
  stream: ReporterStream
  debug: boolean
  traceback: boolean
}

/** `process.stderr`, or what stands for it in a test. */
export interface ReporterStream extends NodeJS.WritableStream {
  isTTY?: boolean
  columns?: number
  rows?: number
}
