import { randomBytes } from "node:crypto"
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises"

/**
 * Writes the whole file or nothing. A linked file, as dotfile collections have it, stays a link; a device or pipe, such
 * as /dev/stdout, is written to and stays what it is. A file that is there keeps its mode; a new one has `mode`, less the umask.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const known = await stat(path).catch(() => undefined)
  if (known?.isFile() === false) return await writeFile(path, text)
  const target = await realpath(path).catch(() => path)
  // A name that nobody can foretell, and that must be new: in /tmp somebody may have put a link in the place of another.
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`
  try {
    const file = await open(temporary, "wx", mode)
    try {
      if (known !== undefined) await file.chmod(known.mode & 0o777)
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
