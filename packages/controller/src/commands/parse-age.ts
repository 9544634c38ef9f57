import { InvalidArgumentError } from "commander"

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** The seconds of `90m`, `12h`, `30d` or `2w`; a number alone could mean anything and is refused. */
export function parseAge(text: string): number {
  const [, count, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$/i.exec(text) ?? []
  const seconds = SECONDS[unit.toLowerCase()]
  if (count === undefined || seconds === undefined) {
    throw new InvalidArgumentError("It must be a number with s, m, h, d or w, for example 30d.")
  }
  return Number(count) * seconds
}
