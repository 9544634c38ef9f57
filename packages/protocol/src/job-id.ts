import * as v from "valibot"

/** Neither 0 and o nor 1 and l: an id is read from one screen and typed on another. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
const LENGTH = 8

/** A job's name: also that of its folder. */
export const JobId = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{3,63}$/, "is no job id"))

/** 40 random bits. */
export function newJobId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(LENGTH))
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("")
}
