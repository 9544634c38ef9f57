import { DatamaestroError } from "@datamaestro/protocol"

/** What an agent advises to run is meant for its own machine. */
export function withHost(error: DatamaestroError, host: string | undefined): DatamaestroError {
  if (host === undefined || error.hint?.includes("`datamaestro ") !== true) return error
  const hint = error.hint.replaceAll("`datamaestro ", `\`datamaestro --host ${host} `)
  const told = new DatamaestroError(error.code, error.message, { hint, details: error.details, cause: error.cause })
  if (error.stack !== undefined) told.stack = error.stack
  return told
}
