import { DatamaestroError } from "@datamaestro/protocol"

/** An archive that has not what its definition says. */
export function brokenSelection(message: string, details: Record<string, unknown>): DatamaestroError {
  return new DatamaestroError("BROKEN_DEFINITION", message, {
    hint: "the archive has changed or the definition names other members: tell the author of the repository",
    details,
  })
}

/** A sound archive with nothing in it, of which another download at once gives no more. */
export function noMembers(archive: string): DatamaestroError {
  return brokenSelection(`Cannot extract "${archive}": it has no members`, { archive, members: 0 })
}
