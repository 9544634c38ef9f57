import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import { unusable } from "./ssh-config-values.ts"
import { matchesPattern, matchesPatternList } from "./ssh-pattern.ts"
import type { SshSurroundings } from "./ssh-surroundings.ts"

/** What SendEnv takes along of the environment, and what SetEnv adds. */
export function sentEnvironment(
  config: SshConfigEvaluation,
  environment: SshSurroundings["environment"],
): Record<string, string> {
  const sent: Record<string, string> = {}
  const patterns = config.all("sendenv").flatMap((line) => line.values)
  const refused = patterns.filter((pattern) => pattern.startsWith("-")).map((pattern) => pattern.slice(1))
  const wanted = patterns.filter((pattern) => !pattern.startsWith("-"))
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || refused.some((pattern) => matchesPattern(name, pattern))) continue
    if (matchesPatternList(name, wanted)) sent[name] = value
  }
  const own = new Map<string, string>()
  const line = config.first("setenv")
  for (const pair of line?.values ?? []) {
    const equals = pair.indexOf("=")
    if (equals <= 0) throw unusable(line, "NAME=VALUE")
    const name = pair.slice(0, equals)
    if (!own.has(name)) own.set(name, pair.slice(equals + 1))
  }
  Object.assign(sent, Object.fromEntries(own))
  return sent
}
