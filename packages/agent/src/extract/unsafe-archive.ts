import { DatamaestroError } from "@datamaestro/protocol"
import { printable } from "../compression/damaged-archive.ts"

/** A member that must not be written: nothing of the archive reaches its final path. */
export function unsafeArchive(archive: string, member: string, reason: string): DatamaestroError {
  return refusal(archive, `member "${printable(member)}" ${reason}`, { member: printable(member), reason })
}

/** A small archive that fills the disk. */
export function decompressionBomb(archive: string, reason: string): DatamaestroError {
  return refusal(archive, reason, { reason })
}

function refusal(archive: string, what: string, details: Record<string, string>): DatamaestroError {
  return new DatamaestroError("UNSAFE_ARCHIVE", `Cannot extract "${archive}": ${what}`, {
    hint: "nothing of it was kept at its final path; tell the author of the dataset, who may know a sound archive",
    details: { archive, ...details },
  })
}
