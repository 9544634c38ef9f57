import { DatamaestroError } from "@datamaestro/protocol"

/** Minutes for which a connection stays after its last command, where nobody says otherwise. */
const DEFAULT_MINUTES = 10
const MOST_MINUTES = 24 * 60

export interface HoldWishes {
  /** `-o`, in order. */
  sshOptions: readonly string[]
  environment: NodeJS.ProcessEnv
  /** Of the host in the user settings, then of all. */
  settings: readonly (number | "off" | undefined)[]
}

/**
 * For how many minutes a connection is to be held; 0: not at all. `-o ControlPersist=…` says so as for `ssh`, then
 * `DATAMAESTRO_HOLD_MINUTES`, then the settings. Where `CI` is set nothing is left behind, unless somebody asks for it.
 *
 * @throws DatamaestroError USAGE
 */
export function holdMinutes({ sshOptions, environment, settings }: HoldWishes): number {
  const option = sshOptions
    .map((each) => /^\s*controlpersist[\s=]+(.*)$/i.exec(each)?.[1])
    .find((value) => value !== undefined)
  if (option !== undefined) return Math.min(fromControlPersist(option.trim()), MOST_MINUTES)
  const variable = environment["DATAMAESTRO_HOLD_MINUTES"]
  if (variable !== undefined && variable !== "") return Math.min(fromVariable(variable), MOST_MINUTES)
  const setting = settings.find((value) => value !== undefined)
  if (setting !== undefined) return setting === "off" ? 0 : Math.min(setting, MOST_MINUTES)
  return (environment["CI"] ?? "") === "" ? DEFAULT_MINUTES : 0
}

function fromVariable(text: string): number {
  if (text === "off") return 0
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new DatamaestroError("USAGE", `Cannot use DATAMAESTRO_HOLD_MINUTES "${text}": not a number of minutes`, {
    hint: "give a number of minutes, or off",
  })
}

/** As ssh_config(5) has it: no, yes (without end; here the longest there is), or a time; a plain 0 is yes, too. */
function fromControlPersist(text: string): number {
  const word = text.toLowerCase()
  if (word === "no" || word === "false") return 0
  if (word === "yes" || word === "true" || word === "0") return MOST_MINUTES
  if (!/^(\d+[smhdw]?)+$/.test(word)) {
    throw new DatamaestroError("USAGE", `Cannot use ControlPersist "${text}": not a time`, {
      hint: "give yes, no, or a time such as 10m",
    })
  }
  const units: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
  let seconds = 0
  for (const [, amount = "0", unit = ""] of word.matchAll(/(\d+)([smhdw]?)/g))
    seconds += Number(amount) * (units[unit] ?? 1)
  return seconds / 60
}
