import { unlink } from "node:fs/promises"
import { errnoName } from "./errno-name.ts"

/**
 * Removes a file, if it is there: in one call of the system, where `rm` looks at it twice before. On storage with a round trip each
 * that is what most of the time goes to.
 */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error
  }
}
