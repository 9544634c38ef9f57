import { asDatamaestroError } from "@datamaestro/protocol"
import { createReporter } from "../reporter/create-reporter.ts"
import { writeResult } from "./write-result.ts"

/** Prints help; @returns the exit status where it can't be written. */
export async function writeHelp(text: string): Promise<number | undefined> {
  try {
    if (text !== "") await writeResult(text, process.stdout)
    return undefined
  } catch (thrown) {
    const plain = { json: false, quiet: true, debug: false, traceback: false }
    const error = asDatamaestroError(thrown)
    ;(await createReporter(plain, process.stderr)).error(error)
    return error.exitStatus
  }
}
