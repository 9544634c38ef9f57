import { DatamaestroError, type Result } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { eachId } from "./each-id.ts"
import { tabLine } from "./tab-line.ts"

type Verification = Result<"datasets/verify">

/** What of each dataset is as its manifest says, and what is not; a difference is a failure (CHECKSUM_MISMATCH). */
export function verify(ids: readonly string[]): Command<Verification[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    async run(call) {
      const verifications = await eachId(ids, call, async (id) => {
        const verification = await call.session.agent.request(
          "datasets/verify",
          { id, defaultRepository: call.invocation.settings.default_repository },
          { signal: call.signal, onProgress: call.onProgress },
        )
        return { asked: id, verification }
      })
      for (const { asked, verification } of verifications ?? []) {
        const error = difference(verification)
        if (error !== undefined) call.fail(error, ids.indexOf(asked))
      }
      return verifications?.map(({ verification }) => verification)
    },
    json: (verifications) => (ids.length === 1 ? verifications[0] : verifications),
    text: (verifications) => verifications.flatMap(lines).join(""),
  }
}

function lines({ id, sound, changed, missing, added, unverified }: Verification): string[] {
  return [
    tabLine([id, "sound", String(sound)]),
    // All of what was taken over from elsewhere, maybe thousands, of which each line would say nothing more.
    ...(unverified.length === 0 ? [] : [tabLine([id, "unverified", String(unverified.length)])]),
    ...changed.map(({ path, reason }) => tabLine([id, "changed", path, reason])),
    ...missing.map((path) => tabLine([id, "missing", path])),
    ...added.map((path) => tabLine([id, "added", path])),
  ]
}

function difference({ id, changed, missing, added, damaged }: Verification): DatamaestroError | undefined {
  const counts = { changed: changed.length, missing: missing.length, added: added.length }
  const found = Object.entries(counts).filter(([, count]) => count > 0)
  if (found.length === 0) return undefined
  return new DatamaestroError(
    "CHECKSUM_MISMATCH",
    `Cannot confirm "${id}": ${found.map(([state, count]) => `${count} ${state}`).join(", ")}`,
    {
      // --force is for what is named, not for what that refers to.
      hint:
        damaged.length > 0
          ? `prepare again what is damaged: \`datamaestro prepare --force ${damaged.join(" ")}\``
          : "move the files elsewhere that were added",
      details: { dataset: id, ...counts },
    },
  )
}
