import { MAX_PATH } from "../store/max-path.ts"
import { unsafeArchive } from "./unsafe-archive.ts"

/** One member of an archive, as its header declares it. */
export interface Member {
  /** The name as written in the archive, for errors. */
  name: string
  /** The name's parts, safe: no `..`, not absolute; empty for the archive's own root (`./`). */
  segments: string[]
  /** The name as bytes, a character each, where they are not UTF-8, so that others may read as the same name. */
  bytes?: string | undefined
  type: "file" | "directory" | "symlink" | "hardlink"
  /** Bytes, uncompressed. */
  size: number
  /** Permission bits as declared. */
  mode: number | undefined
  mtime: Date | undefined
}

/** Parts that can be no harm, as most names have no others: to look for each harm, and to take parts out, takes three times as long. */
const PLAIN = /^(?:[^\\/:.][^\\/:]*\/)*[^\\/:.][^\\/:]*$/

/**
 * The parts of a member's name.
 *
 * @throws DatamaestroError UNSAFE_ARCHIVE for names that could leave the folder, on this system or another:
 *   absolute, with a drive letter, with `..`, with a backslash or NUL
 */
export function memberSegments(archive: string, name: string): string[] {
  if (name.length > MAX_PATH) {
    throw unsafeArchive(archive, `${name.slice(0, 60)}…`, `has a name of more than ${MAX_PATH} characters`)
  }
  if (name.includes("\0")) throw unsafeArchive(archive, name, "has a NUL character in its name")
  if (PLAIN.test(name)) return name.split("/")
  if (name.includes("\\")) throw unsafeArchive(archive, name, "has a backslash in its name")
  if (name.startsWith("/")) throw unsafeArchive(archive, name, "has an absolute name")
  if (/^[A-Za-z]:/.test(name)) throw unsafeArchive(archive, name, "has a drive letter in its name")
  const segments = nameParts(name)
  if (leadsOut(segments)) throw unsafeArchive(archive, name, "would be written outside the dataset's folder")
  if (segments.includes("..")) throw unsafeArchive(archive, name, 'has ".." in its name')
  return segments
}

export function nameParts(name: string): string[] {
  return name.split("/").filter((segment) => segment !== "" && segment !== ".")
}

function leadsOut(segments: readonly string[]): boolean {
  let depth = 0
  return segments.some((segment) => (depth += segment === ".." ? -1 : 1) < 0)
}

/** A declared time that a file can be given. */
export function timeOf(mtime: Date | undefined): Date | undefined {
  return mtime !== undefined && Number.isFinite(mtime.getTime()) ? mtime : undefined
}
