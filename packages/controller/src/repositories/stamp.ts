import { lstatSync } from "node:fs"

/**
 * What differs once a file, link or folder has changed; a folder changes when something in it comes or goes.
 * Builds may set the time of modification, so that of the last change counts, too.
 */
export function stamp(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return "none"
  const { mtimeMs, ctimeMs, size, ino, mode } = found
  return found.isDirectory() ? `${mtimeMs}` : `${mtimeMs} ${ctimeMs} ${size} ${ino} ${mode}`
}
