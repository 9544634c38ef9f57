import { statSync } from "node:fs"

/**
 * A named pipe keeps whoever opens it until somebody writes into it, perhaps for ever, and can be read but once.
 *
 * @throws Error where there is one in the place of a file
 */
export function requireNoPipe(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) throw new Error("it is a pipe, not a file")
}
