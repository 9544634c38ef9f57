/** What an argument or a field of an author's may be: in words, and how it is told. In JavaScript each may be anything. */
export interface Kind {
  readonly words: string
  fits(value: unknown): boolean
}

export const TEXT: Kind = { words: "a text", fits: (value) => typeof value === "string" }
export const NAME: Kind = { words: "a non-empty text", fits: (value) => TEXT.fits(value) && value !== "" }
export const TEXTS: Kind = {
  words: "a list of texts",
  fits: (value) => Array.isArray(value) && value.every((item) => TEXT.fits(item)),
}
export const LIST: Kind = { words: "a list", fits: (value) => Array.isArray(value) }
export const FLAG: Kind = { words: "true or false", fits: (value) => typeof value === "boolean" }
export const COUNT: Kind = {
  words: "a whole number, from 0 on",
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
}
export const COLUMN: Kind = {
  words: "a column's name or number",
  fits: (value) => NAME.fits(value) || Number.isSafeInteger(value),
}
export const FUNCTION: Kind = { words: "a function", fits: (value) => typeof value === "function" }
export const OBJECT: Kind = {
  words: "an object",
  fits: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
}
/** What is no text or number either is told when it is planned, with its place in the described value. */
export const PATH: Kind = {
  words: "a path, as a resource is in describe, or a reference's .path",
  fits: (value) => value === undefined || typeof value === "object",
}

export function oneOf(...values: readonly string[]): Kind {
  const words = values.map((value) => JSON.stringify(value)).join(", ")
  return { words: `one of ${words}`, fits: (value) => typeof value === "string" && values.includes(value) }
}

const LONGEST = 60

/** A wrong value in a message: what tells it apart, no more. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value)
  if (Array.isArray(value)) return "a list"
  if (value !== null && (typeof value === "object" || typeof value === "function")) {
    return typeof value === "object" ? "an object" : "a function"
  }
  return String(value)
}
