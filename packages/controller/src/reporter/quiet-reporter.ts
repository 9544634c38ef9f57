import { formatError } from "./format-error.ts"
import type { Reporter, ReporterOptions } from "./reporter.ts"

/** Errors only. */
export function quietReporter(options: ReporterOptions): Reporter {
  return {
    event() {},
    error(error, host) {
      options.stream.write(`${formatError(error, { ...options, host, color: false })}\n`)
    },
    pause() {},
    resume() {},
    end() {},
  }
}
