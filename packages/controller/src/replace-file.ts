import { randomBytes } from "node:crypto"
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { makeFolder } from "./make-folder.ts"

/**
 * Writes the whole file or nothing. A linked file, as dotfile collections have it, stays a link; a device or pipe, such
 * as /dev/stdout, is written to and stays what it is.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  makeFolder(dirname(path))
  if ((await stat(path).catch(() => undefined))?.isFile() === false) return await writeFile(path, text)
  const target = await realpath(path).catch(() => path)
  // A name that nobody can foretell, and that must be new: in /tmp somebody may have put a link in the place of another.
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`
  try {
    const file = await open(temporary, "wx", 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
