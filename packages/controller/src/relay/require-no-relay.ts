import { DatamaestroError } from "@datamaestro/protocol"
import type { Session } from "../session/session.ts"

/** @throws DatamaestroError USAGE when work that is to outlive this program could not */
export function requireNoRelay({ relay }: Session): void {
  if (relay?.mode !== "always") return
  throw new DatamaestroError(
    "USAGE",
    "Cannot detach work whose downloads go out through this machine: they end with it",
    {
      hint: "prepare it in the foreground; when the connection is lost, `datamaestro jobs attach` continues where it stopped",
    },
  )
}
