import { existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"

/**
 * Makes a folder and those above it, each for its owner alone; one that is there is fine.
 *
 * Node's own `recursive` tries for ever, and no signal ends it, where a system answers ENOENT though the parent is
 * there: for a home folder that is not mounted here, for one.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!existsSync(path)) throw error
  }
}
