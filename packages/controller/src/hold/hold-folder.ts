import { chmodSync, lstatSync, mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { cacheDirectory } from "../cache-directory.ts"
import { makeFolder } from "../make-folder.ts"

/** What a socket's path may have at most (104 on macOS and the BSDs), less the name of ours. */
const LONGEST = 100 - "/0123456789abcdef.12345678.sock".length

/**
 * Where held connections are reached: a folder that nobody else can enter, which is what keeps others out. The
 * first that can be had of `$XDG_RUNTIME_DIR/datamaestro`, the cache, and a folder of ours in the temporary one.
 *
 * @returns nothing where there is none; then no connection is held
 */
export function holdFolder(create: boolean): string | undefined {
  const uid = process.getuid?.()
  if (uid === undefined) return undefined
  const runtime = process.env["XDG_RUNTIME_DIR"]
  const candidates = [
    ...(runtime === undefined || !runtime.startsWith("/") ? [] : [join(runtime, "datamaestro")]),
    join(cacheDirectory(), "held"),
    join(tmpdir(), `datamaestro-held-${uid}`),
  ]
  return candidates.find((folder) => folder.length <= LONGEST && isOurs(folder, uid, create))
}

function isOurs(folder: string, uid: number, create: boolean): boolean {
  try {
    if (create) makePrivate(folder)
    // A link is no folder of ours.
    const found = lstatSync(folder)
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0
  } catch {
    return false
  }
}

function makePrivate(folder: string): void {
  try {
    // Only the cache's parents are ours to make.
    if (folder.startsWith(cacheDirectory())) makeFolder(folder)
    else mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  }
  const found = lstatSync(folder)
  // Of a link it is what it leads to that would be closed to others.
  if (!found.isDirectory() || found.uid !== process.getuid?.()) return
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700)
}
