import { DatamaestroError } from "@datamaestro/protocol"

export function heldConnectionGone(): DatamaestroError {
  return new DatamaestroError("CONNECTION_LOST", "Lost the held connection: it has ended, or its server is silent", {
    hint: "run the same command again: it makes a new connection",
  })
}
