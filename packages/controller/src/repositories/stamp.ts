import { lstatSync } from "node:fs"

/** What differs once a file, link or folder has changed; a folder changes when something in it comes or goes. */
export function stamp(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return "none"
  return found.isDirectory() ? `${found.mtimeMs}` : `${found.mtimeMs} ${found.size} ${found.ino} ${found.mode}`
}
