import { DatamaestroError } from "@datamaestro/protocol"

/** A sound archive that has not what its definition promises. */
export function contentMismatch(message: string, details: Record<string, unknown>): DatamaestroError {
  return new DatamaestroError("CONTENT_MISMATCH", message, {
    hint: "the archive has changed or the definition names other members: tell the author of the repository",
    details,
  })
}

/** A sound archive with nothing in it, of which another download at once gives no more. */
export function noMembers(archive: string): DatamaestroError {
  return contentMismatch(`Cannot extract "${archive}": it has no members`, { archive, members: 0 })
}
