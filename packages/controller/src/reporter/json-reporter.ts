import type { DatamaestroError } from "@datamaestro/protocol"
import type { Reporter, ReporterOptions } from "./reporter.ts"

/**
 * One JSON object a line: `{"type": "progress", "host"?, "phase", …}` as the protocol's events have it, and
 * `{"type": "error", "host"?, "code", "exit", "message", "hint"?, "details"?}`; `quiet` leaves the errors.
 */
export function jsonReporter(options: ReporterOptions & { quiet: boolean }): Reporter {
  const print = (value: object): void => {
    options.stream.write(`${JSON.stringify(value)}\n`)
  }
  return {
    event(event, host) {
      if (options.quiet) return
      if (event.phase === "notice" && event.level === "debug" && !options.debug) return
      print({ type: "progress", ...(host === undefined ? {} : { host }), ...event })
    },
    error(error, host) {
      print({ type: "error", ...(host === undefined ? {} : { host }), ...errorFacts(error, options.traceback) })
    },
    pause() {},
    resume() {},
    end() {},
  }
}

function errorFacts(error: DatamaestroError, traceback: boolean): object {
  return {
    code: error.code,
    exit: error.exitStatus,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    ...(traceback && error.stack !== undefined ? { stack: error.stack } : {}),
  }
}
