import { DatamaestroError } from "@datamaestro/protocol"
import { printable } from "../compression/damaged-archive.ts"

/** A sound member that we have no means to write: fetching the archive again changes nothing. */
export function unsupportedMember(archive: string, member: string, reason: string): DatamaestroError {
  const name = printable(member)
  return new DatamaestroError("UNSUPPORTED_FORMAT", `Cannot extract "${archive}": member "${name}" ${reason}`, {
    hint: "tell the author of the dataset",
    details: { archive, member: name },
  })
}
