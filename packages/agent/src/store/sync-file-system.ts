import { execFile } from "node:child_process"
import { promisify } from "node:util"

/**
 * syncfs(2) of the file system that `path` lies on, through coreutils' `sync -f`: Node has no call for it. False where it
 * could not be done: not every system has the option.
 */
export async function syncFileSystem(path: string, signal?: AbortSignal): Promise<boolean> {
  return await promisify(execFile)("sync", ["-f", path], { signal }).then(
    () => true,
    () => false,
  )
}
