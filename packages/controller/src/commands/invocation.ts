import type { Machine, MachineOptions } from "../machine.ts"
import type { Reporter } from "../reporter/reporter.ts"
import type { Session, SessionOptions } from "../session/session.ts"
import type { Prompter } from "../transport/prompter.ts"
import type { UserSettings } from "../user-settings.ts"
import type { Agreements } from "../agreements.ts"

/** The options that may stand before or after any command. */
export interface GlobalOptions extends MachineOptions {
  host: readonly string[]
  keepDownloads: boolean
  quiet: boolean
  debug: boolean
  traceback: boolean
  json: boolean
  identityFiles: readonly string[]
  sshOptions: readonly string[]
  /** Most connections to one server for one file. */
  connections?: number | undefined
}

/** One call of the command line: what every command is given. */
export interface Invocation {
  options: GlobalOptions
  settings: UserSettings
  /** Where to run, in argument order; none for a command that needs no machine. */
  machines: readonly Machine[]
  agreements: Agreements
  reporter: Reporter
  prompter: Prompter
  /** Asks what a log-in needs: not on the terminal where `SSH_ASKPASS` has it otherwise. */
  loginPrompter: Prompter
  /** Aborted by Ctrl-C and its like. */
  signal: AbortSignal
  openSession: (options: SessionOptions) => Promise<Session>
  /** Results only. */
  write: (text: string) => Promise<void>
}
