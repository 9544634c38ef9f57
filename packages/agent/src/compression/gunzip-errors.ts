import { corruptArchive, truncatedArchive } from "./damaged-archive.ts"

/** What zlib says of a beginning that is none of gzip. */
const NO_HEADER = "incorrect header check"

/** An error of zlib as one about the archive; any other as it is. */
export function decompressionError(error: unknown, archive: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === "Z_BUF_ERROR") return truncatedArchive(archive, "the compressed data ends too early", { cause: error })
  if (code?.startsWith("Z_") === true) {
    const { message } = error as Error
    // zlib takes whatever follows a member for the next one.
    const other = message === NO_HEADER ? ", or something else follows it" : ""
    return corruptArchive(archive, `the compressed data is damaged${other} (${message})`, { cause: error })
  }
  return error
}

/**
 * Zero padding after the last member of a gzip file is accepted, as by gzip and tar; anything else there is CORRUPT.
 *
 * @param read how many bytes there were, how many of them zlib took, and where the last one is that is not zero
 */
export function requireNothingBehind(
  archive: string,
  { bytes, used, lastNonZero }: { bytes: number; used: number; lastNonZero: number },
): void {
  // zlib takes no bytes at all for a sound end.
  if (bytes === 0) throw truncatedArchive(archive, "it is empty")
  if (lastNonZero < used) return
  throw corruptArchive(archive, `there is something else after its compressed data, at byte ${used}`)
}
