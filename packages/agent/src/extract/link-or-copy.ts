import { constants, copyFileSync, linkSync, statSync, utimesSync } from "node:fs"
import { errnoName } from "../store/errno-name.ts"
import { withoutTimes } from "./without-times.ts"

/** For these a copy is no way out. */
const FINAL = new Set(["ENOENT", "EEXIST", "ENOSPC", "EDQUOT"])

/**
 * A second name of a file; a file system without hard links, or with too many to one file, gets a copy with its time. How it says so
 * differs: EPERM, ENOTSUP, ENOSYS, and EIO of rclone's mounts.
 */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (FINAL.has(errnoName(error) ?? "")) throw error
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    const { atime, mtime } = statSync(from)
    try {
      utimesSync(to, atime, mtime)
    } catch (unkept) {
      withoutTimes(unkept)
    }
  }
}
