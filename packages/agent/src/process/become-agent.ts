import { quietExperiments } from "./quiet-experiments.ts"
import { unhandledErrors } from "./unhandled-errors.ts"

/** As many as there may be writes under way at once on slow storage. */
const THREADS = 16

/**
 * Makes this process the agent's: its name in lists, the number of libuv's threads, of which none may have been used
 * before, and what becomes of errors that nobody has caught.
 *
 * @param die called at one that no author's code has left
 */
export function becomeAgent(title: string, die: () => void): void {
  process.title = title
  process.env["UV_THREADPOOL_SIZE"] ??= String(THREADS)
  quietExperiments()
  const onError = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    if (!unhandledErrors.take(error)) die()
  }
  process.on("uncaughtException", onError)
  process.on("unhandledRejection", onError)
}
