import { DatamaestroError } from "@datamaestro/protocol"

/** What is to be told of an output that had no space, where its download stays for the next run. */
export function tellKept(error: unknown): unknown {
  if (!(error instanceof DatamaestroError) || error.code !== "NO_SPACE") return error
  const { code, message, hint = "", details } = error
  if (hint.includes("is kept")) return error
  return new DatamaestroError(code, message, {
    hint: `${hint}; what was downloaded is kept`,
    details,
    cause: error,
  })
}
