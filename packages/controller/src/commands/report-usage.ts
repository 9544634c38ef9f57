import { DatamaestroError } from "@datamaestro/protocol"
import { createReporter } from "../reporter/create-reporter.ts"

/** Tells of wrong arguments; @returns the exit status. */
export async function reportUsage(message: string, hint: string, { json }: { json: boolean }): Promise<number> {
  const reporter = await createReporter({ json, quiet: true, debug: false, traceback: false }, process.stderr)
  const error = new DatamaestroError("USAGE", message, { hint })
  reporter.error(error)
  return error.exitStatus
}
