import { stat, statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { DatamaestroError, formatBytes } from "@datamaestro/protocol"

export interface FreeSpace {
  /**
   * Bytes that an ordinary user may still write; with quotas of a folder (XFS, Lustre, ZFS) what those leave. Without end
   * where the file system does not count them: ramfs, on which diskless machines run, and some of FUSE say that they have none.
   */
  bytes: number
  /**
   * Files that may still be made; without end where the file system does not count them. None is taken for that too: rclone's
   * mounts say so for ever, and where it is true the first file that is made, which is the lock, tells it.
   */
  files: number
}

/** What may still be written there, or in the nearest folder above that exists; undefined where nobody knows. */
export async function freeSpace(path: string): Promise<FreeSpace | undefined> {
  const space = await statfs(path).catch(() => undefined)
  if (space === undefined) return dirname(path) === path ? undefined : await freeSpace(dirname(path))
  const { blocks, bavail, bsize, ffree } = space
  const uncounted = Number.POSITIVE_INFINITY
  return { bytes: blocks === 0 ? uncounted : bavail * bsize, files: ffree === 0 ? uncounted : ffree }
}

/** Whether what is written to one place takes space from the other; so too where nobody can tell. */
export async function shareSpace(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([deviceOf(one), deviceOf(other)])
  return first === undefined || second === undefined || first === second
}

/** That of a path, or of the nearest folder above that exists. */
async function deviceOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined) return found.dev
  return dirname(path) === path ? undefined : await deviceOf(dirname(path))
}

/** @param doing what can't be done, to follow "Cannot" */
export function noSpace(doing: string, needed: number, available: number, path: string): DatamaestroError {
  const numbers = `${formatBytes(needed)} are needed, ${formatBytes(available)} are available`
  return new DatamaestroError("NO_SPACE", `Cannot ${doing}: ${numbers}`, {
    hint: "free some space (`datamaestro cache clear` removes downloads), or choose another place with --data; what was downloaded is kept and will be continued",
    details: { needed, available, path },
  })
}
