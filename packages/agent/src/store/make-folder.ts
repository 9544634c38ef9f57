import { mkdir, stat } from "node:fs/promises"
import { dirname } from "node:path"

/**
 * Makes a folder and those above it; one that is there is fine.
 *
 * Node's own `recursive` tries for ever where a system answers ENOENT though the parent is there, as below /proc and
 * below automounted folders.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (await isFolder(path)) return
    const parent = dirname(path)
    if (code !== "ENOENT" || parent === path) throw error
    if (!(await isFolder(parent))) await makeFolder(parent)
    // Once more also where the parent is there: somebody else may just have made it.
    await mkdir(path).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again
    })
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (status) => status.isDirectory(),
    (error: NodeJS.ErrnoException) => {
      // A folder whose storage is gone exists to `mkdir`, and that is not what is wrong with it.
      if (error.code === "ENOTCONN") throw error
      return false
    },
  )
}
