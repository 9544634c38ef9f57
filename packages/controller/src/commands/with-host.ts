import { DatamaestroError } from "@datamaestro/protocol"
import type { Machine } from "../machine.ts"

type Where = Pick<Machine, "host" | "data">

/** What an agent advises to run is meant for its own machine and data directory. */
export function withHost(error: DatamaestroError, where: Where | undefined): DatamaestroError {
  const hint = error.hint === undefined ? undefined : adviceFor(error.hint, where)
  if (hint === error.hint) return error
  const told = new DatamaestroError(error.code, error.message, { hint, details: error.details, cause: error.cause })
  if (error.stack !== undefined) told.stack = error.stack
  return told
}

/** The same for a text. */
export function adviceFor(text: string, where: Where | undefined): string {
  const host = where?.host === undefined ? "" : `--host ${where.host} `
  const data = where?.data === undefined ? "" : `--data ${shellWord(where.data)} `
  return text.replaceAll("`datamaestro ", () => `\`datamaestro ${host}${data}`)
}

function shellWord(text: string): string {
  return /^[\w./~:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
