import type { ParsedKey } from "ssh2"
import { listAgentKeys } from "./agent-keys.ts"
import type { KeyCandidate, LazyKeyCandidate } from "./key-candidate.ts"
import { readKeyFile, type KeyAsking } from "./key-file.ts"
import type { SshSettings } from "./ssh-settings.ts"

/**
 * The keys in OpenSSH's order: those of the agent that the configuration names, the agent's others (unless
 * IdentitiesOnly), then files. Keys that can't be used are told about in `problems` and left out.
 */
export async function loadKeyCandidates(
  settings: SshSettings,
  asking: KeyAsking,
): Promise<{ candidates: LazyKeyCandidate[]; problems: string[] }> {
  // Read side by side, told in the order of the configuration.
  const agentProblems: string[] = []
  const fileProblems = settings.identityFiles.map((): string[] => [])
  const [agentKeys, files] = await Promise.all([
    listAgentKeys(settings.identityAgent, agentProblems),
    Promise.all(
      settings.identityFiles.map((file, index) => readKeyFile(file, settings, fileProblems[index] ?? [], asking)),
    ),
  ])
  const blobOf = (key: ParsedKey): string => key.getPublicSSH().toString("base64")
  const named = new Set(files.flatMap((file) => (file?.publicKey === undefined ? [] : [blobOf(file.publicKey)])))
  const ready =
    (candidate: KeyCandidate): LazyKeyCandidate =>
    () =>
      Promise.resolve(candidate)

  const fromAgent = agentKeys.filter((key) => named.has(blobOf(key.publicKey)))
  if (!settings.identitiesOnly) fromAgent.push(...agentKeys.filter((key) => !named.has(blobOf(key.publicKey))))
  const held = new Set(fromAgent.map((key) => blobOf(key.publicKey)))
  const fromFiles = files.flatMap((file, index) => {
    if (file === undefined || (file.publicKey !== undefined && held.has(blobOf(file.publicKey)))) return []
    if (file.load !== undefined) return [file.load]
    if (settings.identityFilesNamed) {
      const state = "holds only the public half of a key that the SSH agent does not have (name the private half)"
      fileProblems[index]?.push(`${settings.identityFiles[index]} ${state}`)
    }
    return []
  })
  return { candidates: [...fromAgent.map(ready), ...fromFiles], problems: [...agentProblems, ...fileProblems.flat()] }
}
