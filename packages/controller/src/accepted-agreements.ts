import type { AcceptedAgreement } from "@datamaestro/protocol"
import type { UserSettings } from "./user-settings.ts"

/**
 * The agreements that hold without asking: those of `user.json`, each with the text that was accepted if it has one; those
 * in `DATAMAESTRO_ACCEPT_AGREEMENTS`, ids with commas or spaces between them; and those that are given for this call.
 */
export function acceptedAgreements(
  settings: UserSettings,
  given: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): AcceptedAgreement[] {
  const remembered = Object.keys(settings.agreements ?? {}).map((id) => {
    const sha256 = settings.agreement_texts?.[id]
    return sha256 === undefined ? id : { id, sha256 }
  })
  const named = (environment["DATAMAESTRO_ACCEPT_AGREEMENTS"] ?? "").split(/[\s,]+/).filter((id) => id !== "")
  return [...remembered, ...named, ...given]
}
