import { jsonReporter } from "./json-reporter.ts"
import { lineReporter } from "./line-reporter.ts"
import { quietReporter } from "./quiet-reporter.ts"
import type { Reporter, ReporterStream } from "./reporter.ts"

export interface ReporterChoice {
  json: boolean
  quiet: boolean
  debug: boolean
  traceback: boolean
}

/** The reporter that suits the options and the stream: JSON lines, errors only, bars, or plain lines. */
export async function createReporter(
  choice: ReporterChoice,
  stream: ReporterStream,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Reporter> {
  const options = { ...choice, stream }
  if (choice.json) return jsonReporter(options)
  if (choice.quiet) return quietReporter(options)
  if (stream.isTTY !== true || env["TERM"] === "dumb") return lineReporter(options)
  const { TerminalReporter } = await import("./terminal-reporter.ts")
  // https://no-color.org: present and not empty.
  return new TerminalReporter({ ...options, color: (env["NO_COLOR"] ?? "") === "" })
}
