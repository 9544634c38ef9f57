import type { FileHandle } from "node:fs/promises"
import { errnoName } from "./errno-name.ts"

/** What a file system answers that can't be asked for it, as some of FUSE and special ones (fsync(2)): nothing was lost. */
const NO_SYNC = new Set(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])

/** Forces a file onto the disk, where its storage has a way to: like dd and Emacs, nothing fails for the want of one. */
export async function syncOpenFile(file: FileHandle, how: "sync" | "datasync" = "sync"): Promise<void> {
  await file[how]().catch((error: unknown) => {
    if (!NO_SYNC.has(errnoName(error) ?? "")) throw error
  })
}
