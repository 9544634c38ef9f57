import { join } from "node:path"
import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import { paths, type PathReader } from "./ssh-config-paths.ts"
import { flag } from "./ssh-config-values.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshSurroundings } from "./ssh-surroundings.ts"

/** OpenSSH's, without those that only hardware can use: these come through the agent. */
const DEFAULT_IDENTITIES = ["id_rsa", "id_ecdsa", "id_ed25519"]

/** The keys, and the agents that have some. */
export function sshIdentitySettings(
  config: SshConfigEvaluation,
  { environment }: SshSurroundings,
  path: PathReader,
): Pick<SshSettings, "identityFiles" | "identityFilesNamed" | "identitiesOnly" | "identityAgent" | "forwardAgent"> {
  const named = config.all("identityfile").map((line) => line.values[0] ?? "")
  const files = named.length === 0 ? DEFAULT_IDENTITIES.map((name) => join("~/.ssh", name)) : named
  const agent = identityAgent(config.value("identityagent"), environment, path)
  return {
    identityFiles: [...new Set(paths(files, path))],
    identityFilesNamed: named.length > 0,
    identitiesOnly: flag(config, "identitiesonly", false),
    identityAgent: agent,
    forwardAgent: forwardedAgent(config, agent, environment, path),
  }
}

function identityAgent(
  given: string | undefined,
  environment: SshSurroundings["environment"],
  path: PathReader,
): string | undefined {
  if (given === undefined || given === "SSH_AUTH_SOCK") return environment["SSH_AUTH_SOCK"] || undefined
  if (given.toLowerCase() === "none") return undefined
  const variable = /^\$([A-Za-z_]\w*)$/.exec(given)?.[1]
  if (variable !== undefined) return environment[variable] || undefined
  return path(given)
}

/** `ForwardAgent` is yes, no, or the socket of another agent than the one that logs in. */
function forwardedAgent(
  config: SshConfigEvaluation,
  agent: string | undefined,
  environment: SshSurroundings["environment"],
  path: PathReader,
): string | undefined {
  const given = config.value("forwardagent")
  if (given === undefined || /^(no|false)$/i.test(given)) return undefined
  return /^(yes|true)$/i.test(given) ? agent : identityAgent(given, environment, path)
}
