import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

/** Where the controller keeps what it can find out again: `$XDG_CACHE_HOME/datamaestro`, else `~/.cache/datamaestro`. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment["XDG_CACHE_HOME"]
  // The XDG base directory specification: relative paths are to be ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), ".cache"), "datamaestro")
}
