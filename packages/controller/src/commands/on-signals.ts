import { setMaxListeners } from "node:events"
import { exitOrSignal } from "./exit-or-signal.ts"
import type { WorkReporter } from "./watch-work.ts"

/** Exit statuses by the shell's convention, 128 and the signal's number. */
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type EndingSignal = keyof typeof STATUS

export interface Signals {
  /** Aborted by the first of them. */
  readonly signal: AbortSignal
  /** The exit status that the first of them asks for. */
  readonly status: number | undefined
  /** Acts as if the signal had come: a terminal in raw mode sends none for Ctrl-C. */
  raise(name: EndingSignal): void
  stop(): void
}

/** Cancels on the first Ctrl-C, SIGTERM or SIGHUP; leaves at once on the second. */
export function onSignals(reporter: Pick<WorkReporter, "begun" | "event" | "end">): Signals {
  const abort = new AbortController()
  // One for each of many hosts, and what each of them waits for: that is no leak.
  setMaxListeners(0, abort.signal)
  let status: number | undefined
  const raise = (name: EndingSignal): void => {
    if (status !== undefined) {
      reporter.end()
      void exitOrSignal(STATUS[name])
      return
    }
    status = STATUS[name]
    if (reporter.begun) {
      const message = "cancelling; what is downloaded is kept (once more to leave at once)"
      reporter.event({ phase: "notice", level: "info", message })
    }
    abort.abort()
  }
  const names = Object.keys(STATUS) as EndingSignal[]
  for (const name of names) process.on(name, raise)
  return {
    signal: abort.signal,
    get status() {
      return status
    },
    raise,
    stop() {
      for (const name of names) process.off(name, raise)
    },
  }
}
