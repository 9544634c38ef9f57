import { existsSync } from "node:fs"
import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import type { SshConfigLine } from "./ssh-config-lines.ts"
import { BEYOND_BUILT_IN, DONE_ANYWAY, HONOURED, OFF_VALUES, WITHOUT_EFFECT } from "./ssh-known-options.ts"
import { matchesPattern } from "./ssh-pattern.ts"
import type { SshSurroundings } from "./ssh-surroundings.ts"

/** What the configuration says that the built-in client passes over, a line each. */
export function unhonoured(config: SshConfigEvaluation): string[] {
  const told: string[] = []
  const ignorable = (config.first("ignoreunknown")?.raw ?? "").toLowerCase().split(/[\s,]+/)
  for (const keyword of config.keywords()) {
    if (HONOURED.has(keyword) || WITHOUT_EFFECT.has(keyword)) continue
    const line = config.first(keyword)
    if (line === undefined || OFF_VALUES.has(line.raw.toLowerCase())) continue
    if (DONE_ANYWAY.get(keyword)?.(line.raw.toLowerCase()) === true) continue
    if (ignorable.some((pattern) => pattern !== "" && matchesPattern(keyword, pattern))) continue
    told.push(`The built-in SSH client does not honour ${describeLine(line)}`)
  }
  return told
}

function describeLine(line: SshConfigLine): string {
  const place = line.source === "-o" ? "given with -o" : `${line.source}, line ${line.line}`
  return `"${line.keyword} ${line.raw}" (${place})`
}

/** What the configuration asks for that only the system's `ssh` has, so that it is to be used. */
export function beyondInConfiguration(
  config: SshConfigEvaluation,
  { systemFolder, environment }: SshSurroundings,
): string[] {
  const found: string[] = []
  for (const [keyword, isOn] of BEYOND_BUILT_IN) {
    const line = config.first(keyword)
    if (line === undefined || !isOn(line.raw.toLowerCase())) continue
    // Distributions turn Kerberos on for everybody: alone that says nothing about this host.
    const byDistribution = keyword.startsWith("gssapi") && line.source.startsWith(systemFolder)
    if (byDistribution && !hasKerberosTicket(environment)) continue
    found.push(describeLine(line))
  }
  return found
}

/** Whether a credential cache of MIT Kerberos lies where it usually does. */
function hasKerberosTicket(environment: SshSurroundings["environment"]): boolean {
  return Boolean(environment["KRB5CCNAME"]) || existsSync(`/tmp/krb5cc_${process.getuid?.() ?? ""}`)
}
