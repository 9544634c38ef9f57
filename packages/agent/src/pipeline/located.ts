import { DatamaestroError } from "@datamaestro/protocol"

/** What went wrong deep below says which archive or file it was, and not whose. */
export function located(error: unknown, dataset: string, resource: string): unknown {
  if (!(error instanceof DatamaestroError) || error.code === "INTERRUPTED") return error
  const { code, message, hint, details, cause } = error
  return new DatamaestroError(code, message, { hint, details: { dataset, resource, ...details }, cause })
}
