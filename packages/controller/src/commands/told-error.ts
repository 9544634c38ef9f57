import { asDatamaestroError, DatamaestroError } from "@datamaestro/protocol"
import { limitHintHere } from "../limit-hint.ts"

/** What a command has failed with, as it is told: a limit of this machine, which any file that is opened may run into, is no defect. */
export function toldError(thrown: unknown): DatamaestroError {
  const error = asDatamaestroError(thrown)
  const hint = error.code === "UNEXPECTED" ? limitHintHere(error.cause) : undefined
  return hint === undefined
    ? error
    : new DatamaestroError("STORAGE_FAILED", error.message, { hint, cause: error.cause })
}
