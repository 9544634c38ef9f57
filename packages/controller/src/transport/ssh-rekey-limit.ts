import type { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import { LONGEST, time, unusable } from "./ssh-config-values.ts"

/** After how much, and after how long, keys are to be exchanged again; 0: no limit of ours, the server has its own. */
export interface RekeyLimit {
  bytes: number
  milliseconds: number
}

const UNITS = ["", "k", "m", "g", "t"]

/** As `RekeyLimit` says: `1G`, `1G 1h`, `default 1h`. */
export function rekeyLimit(config: SshConfigEvaluation): RekeyLimit {
  const line = config.first("rekeylimit")
  const [size = "default", interval = "none"] = (line?.values ?? []).map((value) => value.toLowerCase())
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?)$/.exec(size) ?? []
  const bytes = size === "default" ? 0 : Math.floor(Number(amount) * 1024 ** UNITS.indexOf(unit))
  const seconds = interval === "none" ? 0 : time(interval)
  if (seconds === undefined || Number.isNaN(bytes) || (bytes > 0 && bytes < 16)) {
    throw unusable(line, 'a size from 16 on, such as 1G, or "default"; after it a time, such as 1h, or "none"')
  }
  return { bytes, milliseconds: Math.min(seconds, LONGEST) * 1000 }
}
