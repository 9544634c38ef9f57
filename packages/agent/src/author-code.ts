import { AsyncLocalStorage } from "node:async_hooks"
import { unhandledErrors } from "./unhandled-errors.ts"

/** Takes the errors that nobody handles of the code that runs. */
const running = new AsyncLocalStorage<(error: unknown) => void>()
let guarded = false

/**
 * Runs an author's code in the agent's own thread. What it leaves unhandled would end the agent with the work of all others,
 * and so would `process.exit`, without a word of whose code it was.
 *
 * @param onLate told of the first that it leaves unhandled once it has succeeded
 * @throws also what it leaves unhandled before
 */
export function runAuthorCode<T>(run: () => T | Promise<T>, onLate: (error: unknown) => void): Promise<T> {
  guard()
  return new Promise<T>((resolve, reject) => {
    let take = reject
    const work = running.run(
      (error) => take(error),
      async () => await run(),
    )
    work.then((result) => {
      take = (error) => {
        take = () => {}
        onLate(error)
      }
      resolve(result)
    }, reject)
  })
}

function guard(): void {
  if (guarded) return
  guarded = true
  unhandledErrors.take = (error) => {
    const take = running.getStore()
    take?.(error)
    return take !== undefined
  }
  const exit = process.exit.bind(process)
  process.exit = (status) => {
    if (running.getStore() === undefined) return exit(status)
    throw new Error(`it called process.exit(${status ?? ""})`)
  }
}
