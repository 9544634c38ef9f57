import type { Integrity } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import type { Digests } from "./stream-hasher.ts"

/** What was checked, for the error: a name to show, and where it is or came from (no credentials). */
export interface Checked {
  name: string
  path?: string
  url?: string
}

/**
 * Throws CHECKSUM_MISMATCH unless every declared sum is the one found. A declared sum whose algorithm was not
 * computed is a defect of the caller, never a pass.
 */
export function checkIntegrity(integrity: readonly Integrity[], found: Digests, what: Checked): void {
  for (const { algorithm, hex } of integrity) {
    const digest = found[algorithm]
    if (digest === undefined) throw new Error(`the ${algorithm} of "${what.name}" was not computed`)
    if (digest === hex.toLowerCase()) continue
    const reason = `its ${algorithm} is ${digest}, wanted ${hex.toLowerCase()}`
    throw new DatamaestroError("CHECKSUM_MISMATCH", `Cannot accept "${what.name}": ${reason}`, {
      hint: "the file was changed where it comes from, or damaged on its way: try again; if it stays, tell the author of the dataset's definition",
      details: {
        algorithm,
        wanted: hex.toLowerCase(),
        found: digest,
        reason,
        ...(what.path === undefined ? {} : { path: what.path }),
        ...(what.url === undefined ? {} : { url: what.url }),
      },
    })
  }
}
