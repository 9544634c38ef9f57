import { lutimesSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { errnoName } from "../store/errno-name.ts"
import { linkEscapes } from "../store/link-targets.ts"
import { timeOf } from "./member.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { withoutTimes } from "./without-times.ts"

const LEADS_NOWHERE = new Set(["ENOENT", "ENOTDIR", "ELOOP"])

/** A symbolic link of an archive; `name` is the member's. */
export interface Symlink {
  kind: "symlink"
  target: string
  mtime: Date | undefined
  name: string
}

/**
 * Makes links, by their paths below `root`, once nothing is written any more; none where one of them leads out of it.
 *
 * @throws DatamaestroError UNSAFE_ARCHIVE
 */
export function makeSymlinks(root: string, links: ReadonlyMap<string, Symlink>, archive: string): void {
  for (const [path, link] of links) {
    const reason = linkEscapes(path.split("/"), links)
    if (reason !== undefined) throw unsafeArchive(archive, link.name, reason)
  }
  for (const [path, { target, mtime }] of links) {
    const at = join(root, path)
    symlinkSync(target, at)
    const time = timeOf(mtime)
    if (time === undefined) continue
    try {
      lutimesSync(at, time, time)
    } catch (error) {
      // Some storage, such as sshfs, sets that of what it leads to, which may be nowhere.
      if (!LEADS_NOWHERE.has(errnoName(error) ?? "")) withoutTimes(error)
    }
  }
}
