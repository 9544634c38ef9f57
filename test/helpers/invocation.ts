import { Agreements } from "../../packages/controller/src/agreements.ts"
import type { GlobalOptions, Invocation } from "../../packages/controller/src/commands/invocation.ts"
import { localMachine, remoteMachine } from "../../packages/controller/src/machine.ts"
import { silentPrompter } from "../../packages/controller/src/reporter/silent-prompter.ts"
import type { Session, SessionOptions } from "../../packages/controller/src/session/session.ts"
import type { UserSettings } from "../../packages/controller/src/user-settings.ts"
import { recordedReporter, type RecordedReporter } from "./recorded-reporter.ts"

export interface TestInvocation extends Invocation {
  reporter: RecordedReporter
  /** What went to stdout. */
  readonly written: string
}

export interface TestInvocationOptions extends Partial<GlobalOptions> {
  settings?: UserSettings
  signal?: AbortSignal
  agreements?: Agreements
  open: (options: SessionOptions) => Session | Promise<Session>
}

/** A call of the command line whose sessions, streams and settings are the test's. */
export function testInvocation({
  settings = {},
  signal,
  agreements,
  open,
  ...given
}: TestInvocationOptions): TestInvocation {
  const options: GlobalOptions = {
    host: [],
    keepDownloads: false,
    quiet: false,
    debug: false,
    traceback: false,
    json: false,
    identityFiles: [],
    sshOptions: [],
    ...given,
  }
  const reporter = recordedReporter()
  let written = ""
  return {
    options,
    settings,
    machines:
      options.host.length === 0
        ? [localMachine(options)]
        : options.host.map((host) => remoteMachine(host, options, settings)),
    agreements:
      agreements ?? new Agreements({ accepted: [], prompter: silentPrompter, remember: () => Promise.resolve() }),
    reporter,
    prompter: silentPrompter,
    loginPrompter: silentPrompter,
    signal: signal ?? new AbortController().signal,
    openSession: async (sessionOptions) => await open(sessionOptions),
    write: (text) => {
      written += text
      return Promise.resolve()
    },
    get written() {
      return written
    },
  }
}
