import { statSync } from "node:fs"
import { dirname } from "node:path"

const SETGID = 0o2000
const GROUP_WRITE = 0o020
const GROUP = 0o070

/**
 * Where the data directory is its group's, everybody's umask notwithstanding, what this process makes is too: a folder
 * with setgid that its group may write to says that colleagues are to go on with each other's work. The group gets what
 * it has of the folder, others what the umask leaves them. Anywhere else the umask counts alone.
 *
 * @param folder the data directory; one that is not there yet will be made in the nearest that is
 */
export function followGroup(folder: string): void {
  const mode = modeOf(folder)
  const shared = mode !== undefined && (mode & SETGID) !== 0 && (mode & GROUP_WRITE) !== 0
  if (shared) process.umask(process.umask() & ~(mode & GROUP))
}

function modeOf(folder: string): number | undefined {
  try {
    return statSync(folder).mode
  } catch (error) {
    const parent = dirname(folder)
    // What can't be looked at is told when something is to be written there.
    return (error as NodeJS.ErrnoException).code !== "ENOENT" || parent === folder ? undefined : modeOf(parent)
  }
}
