import { DatamaestroError } from "@datamaestro/protocol"
import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import type { SshConfigLine } from "./ssh-config-lines.ts"

/** `yes` or `no`. */
export function flag(config: SshConfigEvaluation, keyword: string, fallback: boolean): boolean {
  const line = config.first(keyword)
  if (line === undefined) return fallback
  const given = line.values[0]?.toLowerCase()
  if (given === "yes" || given === "true" || given === "unbound" || given === "host-bound") return true
  if (given === "no" || given === "false") return false
  throw unusable(line, "yes or no")
}

/** A whole number; what is more than `most` counts as that, save for a port. */
export function integer(
  config: SshConfigEvaluation,
  keyword: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const line = config.first(keyword)
  if (line === undefined) return fallback
  const given = line.values[0] ?? ""
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN
  if (Number.isNaN(number) || number < least) throw unusable(line, `a number from ${least}`)
  if (number > most && keyword === "port") throw unusable(line, `a number from ${least} to ${most}`)
  return Math.min(number, most)
}

/** In seconds: what a timer can count to, in milliseconds. */
export const LONGEST = Math.floor((2 ** 31 - 1) / 1000)

/** A time as sshd_config(5) writes them: `90`, `1m30s`. */
export function seconds(config: SshConfigEvaluation, keyword: string, fallback: number): number {
  const line = config.first(keyword)
  if (line === undefined) return fallback
  const given = line.values[0] ?? ""
  if (given === "none") return fallback
  return Math.min(time(given) ?? refuse(line, "a time such as 15 or 1m30s"), LONGEST)
}

/** Seconds; nothing of what is no time. */
export function time(given: string): number | undefined {
  const units: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
  if (!/^(\d+[smhdw]?)+$/i.test(given)) return undefined
  let total = 0
  for (const [, amount = "0", unit = ""] of given.matchAll(/(\d+)([smhdw]?)/gi)) {
    total += Number(amount) * (units[unit.toLowerCase()] ?? 1)
  }
  return total
}

function refuse(line: SshConfigLine, wanted: string): never {
  throw unusable(line, wanted)
}

/** The error for a line whose value is none of its directive's. */
export function unusable(line: SshConfigLine | undefined, wanted: string): DatamaestroError {
  const keyword = line?.keyword ?? ""
  const place =
    line === undefined || line.line === 0 || line.source === "-o" ? "" : `: line ${line.line} of ${line.source}`
  const code = line?.source === "-o" ? "USAGE" : "SSH_CONFIGURATION"
  return new DatamaestroError(code, `Cannot use SSH option "${keyword} ${line?.raw ?? ""}"${place}`, {
    hint: `give ${wanted}`,
    details: { option: keyword, path: line?.source, line: line?.line },
  })
}
