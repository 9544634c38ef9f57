import { checkArgument } from "./check-given.ts"
import { DefinitionError } from "./definition-error.ts"
import { shown, TEXT } from "./kinds.ts"
import type { Transform } from "./plan.ts"

/**
 * Decompresses whatever it is, told by its first bytes: gzip, bzip2, xz or zstd; compress (.Z), lz4, lzip and lzop where
 * the data machine has the program, else that is an error. What is none of them it leaves.
 */
export function decompress(): Transform {
  return { kind: "decompress" }
}

/** Replaces every match in each line: `replaceInLines(/Number:(\s+)0/, "Number: $1")`. */
export function replaceInLines(pattern: RegExp, replacement: string): Transform {
  checkArgument("replaceInLines", "replacement", replacement, TEXT)
  return { kind: "replace", pattern: lineSource(pattern), replacement }
}

/** Keeps the lines that match. */
export function keepLines(pattern: RegExp): Transform {
  return { kind: "filter", pattern: lineSource(pattern) }
}

/** Makes a line of each element of a JSON array, of any size. */
export function jsonLines(): Transform {
  return { kind: "json-lines" }
}

/** Decompresses gzip; for `file(…, { transforms: [gunzip()] })` where the URL does not tell. */
export function gunzip(): Transform {
  return { kind: "gunzip" }
}

/** Also of one that was made in another realm. */
function isRegExp(thing: unknown): thing is RegExp {
  return Object.prototype.toString.call(thing) === "[object RegExp]"
}

/** A plan is JSON: a flag that changes what matches would be lost in it. */
function lineSource(pattern: RegExp): string {
  if (!isRegExp(pattern)) {
    throw new DefinitionError("", "transforms", `${shown(pattern)} is no regular expression: write /.../`)
  }
  const lost = pattern.flags.replace(/[gu]/g, "")
  if (lost !== "") throw new DefinitionError("", "transforms", `${String(pattern)} has the flag "${lost}"`)
  return pattern.source
}
