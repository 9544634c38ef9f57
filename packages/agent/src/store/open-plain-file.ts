import { constants } from "node:fs"
import { open, type FileHandle } from "node:fs/promises"

/** What of a pipe does not wait for somebody at its other end. */
export const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK

/** Something else than a file lies at the path. */
export class NotAFile extends Error {
  readonly code = "ENOTFILE"

  constructor(path: string) {
    super(`"${path}" is no file`)
  }
}

/**
 * Opens what others may have put into a folder that is shared with them, to be read. Opening a pipe would wait for ever, and a
 * process with a thread that waits so does not even end at SIGTERM.
 *
 * @param flags more of open(2)'s, such as O_NOFOLLOW
 * @throws NotAFile; the errors of open(2)
 */
export async function openPlainFile(path: string, flags = 0): Promise<FileHandle> {
  const file = await open(path, READ_AT_ONCE | flags)
  try {
    if ((await file.stat()).isFile()) return file
    throw new NotAFile(path)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** All of a file, as UTF-8; nothing where it has more than `most` bytes. @throws as `openPlainFile`, and of reading */
export async function readPlainFile(path: string): Promise<string>
export async function readPlainFile(path: string, most: number): Promise<string | undefined>
export async function readPlainFile(path: string, most = Infinity): Promise<string | undefined> {
  const file = await openPlainFile(path)
  try {
    return (await file.stat()).size > most ? undefined : await file.readFile("utf8")
  } finally {
    await file.close()
  }
}
