import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import type { SshConfigLine } from "./ssh-config-lines.ts"
import { parseSshDestination } from "./ssh-destination.ts"
import type { SshSettings } from "./ssh-settings.ts"
import { expandTokens } from "./ssh-tokens.ts"

/** Whichever of the two comes first in the configuration wins. */
export function sshProxySettings(
  config: SshConfigEvaluation,
  tokens: Readonly<Record<string, string>>,
): Pick<SshSettings, "proxyCommand" | "proxyJump"> {
  const jump = proxyJump(config, tokens)
  return { proxyJump: jump, proxyCommand: jump.length > 0 ? undefined : proxyCommand(config, tokens) }
}

function proxyJump(
  config: SshConfigEvaluation,
  { h = "", n = "", p = "", r = "" }: Readonly<Record<string, string>>,
): string[] {
  const jump = config.first("proxyjump")
  const command = config.first("proxycommand")
  const given = jump?.values[0]
  if (jump === undefined || given === undefined || given.toLowerCase() === "none") return []
  if (command !== undefined && isBefore(config, command, jump)) return []
  const hops = given.split(",").map((hop) => expandTokens(hop, { h, n, p, r }))
  for (const hop of hops) parseSshDestination(hop)
  return hops
}

function isBefore(config: SshConfigEvaluation, one: SshConfigLine, other: SshConfigLine): boolean {
  for (const keyword of config.keywords()) {
    if (keyword === one.keyword) return true
    if (keyword === other.keyword) return false
  }
  return false
}

function proxyCommand(config: SshConfigEvaluation, tokens: Readonly<Record<string, string>>): string | undefined {
  const line = config.first("proxycommand")
  if (line === undefined || line.raw.toLowerCase() === "none") return undefined
  const { h = "", k = "", n = "", p = "", r = "" } = tokens
  return expandTokens(line.raw, { h, k, n, p, r })
}
