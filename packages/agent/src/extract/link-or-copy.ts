import { constants, copyFileSync, linkSync } from "node:fs"

/** A second name of a file; a file system without hard links, or with too many to one file, gets a copy. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EMLINK" && code !== "EOPNOTSUPP")
      throw error
    copyFileSync(from, to, constants.COPYFILE_EXCL)
  }
}
