import { DatamaestroError, EXIT_STATUS, type ErrorCode } from "@datamaestro/protocol"
import type { WireFailure } from "./hold-protocol.ts"

export function toWireFailure(thrown: unknown): WireFailure {
  if (thrown instanceof DatamaestroError) {
    const { code, message, hint, details } = thrown
    return { code, message, hint, details }
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return { code: "CONNECTION_LOST", message, details: {} }
}

export function fromWireFailure({ code, message, hint, details }: WireFailure): DatamaestroError {
  const known = Object.hasOwn(EXIT_STATUS, code) ? (code as ErrorCode) : "CONNECTION_LOST"
  return new DatamaestroError(known, message, { ...(hint === undefined ? {} : { hint }), details })
}
