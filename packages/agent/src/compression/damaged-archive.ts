import { DatamaestroError } from "@datamaestro/protocol"

/** Bytes that are no sound archive. `member` is where reading stopped, when that is known. */
export function corruptArchive(
  archive: string,
  reason: string,
  options: { member?: string | undefined; cause?: unknown } = {},
): DatamaestroError {
  return damaged("CORRUPT", archive, reason, options)
}

/** An archive that ends before its end. */
export function truncatedArchive(
  archive: string,
  reason: string,
  options: { member?: string | undefined; cause?: unknown } = {},
): DatamaestroError {
  return damaged("TRUNCATED", archive, reason, options)
}

/** @param program the one of the data machine that could read it */
export function unsupportedCompression(archive: string, reason: string, program?: string): DatamaestroError {
  return new DatamaestroError("UNSUPPORTED_FORMAT", `Cannot extract "${archive}": ${reason}`, {
    hint:
      program === undefined
        ? "tell the author of the dataset"
        : `install ${program} on the data machine, or load the environment module that has it in the login shell's start-up file`,
    details: { archive, reason },
  })
}

function damaged(
  code: "CORRUPT" | "TRUNCATED",
  archive: string,
  reason: string,
  options: { member?: string | undefined; cause?: unknown },
): DatamaestroError {
  const where = options.member === undefined ? "" : ` at member "${printable(options.member)}"`
  return new DatamaestroError(code, `Cannot extract "${archive}"${where}: ${reason}`, {
    hint: "run the command again to download it anew; if it stays, the server's file itself is damaged",
    details: { archive, reason, ...(options.member === undefined ? {} : { member: printable(options.member) }) },
    cause: options.cause,
  })
}

/** Of a longer name the beginning tells which it is. */
const SHOWN_CHARACTERS = 300

/** A member's name without control characters, which a hostile one could use to rewrite the terminal. */
export function printable(name: string): string {
  const shown = name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS)}…` : name
  // eslint-disable-next-line no-control-regex
  return shown.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
}
