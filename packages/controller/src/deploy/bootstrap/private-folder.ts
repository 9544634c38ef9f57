import * as fs from "node:fs"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { makeFolder } from "../../make-folder.ts"

/** Ours alone: a folder that others can write must not hold what we run. */
export function isPrivate(folder: string): boolean {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isDirectory()) return false
  if (process.getuid === undefined) return true
  if (stat.uid !== process.getuid()) return false
  if ((stat.mode & 0o077) === 0) return true
  fs.chmodSync(folder, 0o700)
  // What of repositories others can have put there would run as ours; where it can't be removed, the folder stays as it was.
  try {
    if ((stat.mode & 0o022) !== 0) fs.rmSync(join(folder, "packs"), { recursive: true, force: true })
  } catch (error) {
    fs.chmodSync(folder, stat.mode)
    throw error
  }
  return true
}

export function makePrivate(folder: string): void {
  if (!fs.existsSync(folder)) {
    makeFolder(dirname(folder))
    try {
      fs.mkdirSync(folder, { mode: 0o700 })
      fs.chmodSync(folder, 0o700)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
  if (!isPrivate(folder)) throw new Error("it belongs to somebody else, or is no folder")
}

/** Written by us, and by nobody else: a folder that is private now may have been open to others before. */
export function isOwn(path: string): boolean {
  const { uid, mode } = fs.lstatSync(path)
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
}

/** Where uploads may lie, the first that works is taken: the home's cache, then private temporary folders. */
export function cacheFolders(): string[] {
  const name = `datamaestro-${process.getuid?.() ?? "user"}`
  const folders = [join(homedir(), ".cache", "datamaestro")]
  for (const parent of new Set([process.env["XDG_RUNTIME_DIR"], tmpdir(), "/var/tmp", "/dev/shm"])) {
    if (parent !== undefined && parent !== "") folders.push(join(parent, name))
  }
  return folders
}
