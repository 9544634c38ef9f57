import { existsSync, readdirSync } from "node:fs"
import { join, parse } from "node:path"
import { matchesPattern } from "./ssh-pattern.ts"

/** Files an `Include` names: `*` and `?` in any part of the path, sorted; hidden files only when the dot is written. */
export function expandIncludePattern(pattern: string): string[] {
  const { root } = parse(pattern)
  let found = [root]
  for (const part of pattern.slice(root.length).split(/[\\/]+/)) {
    if (part === "") continue
    if (!/[*?]/.test(part)) {
      found = found.map((folder) => join(folder, part))
      continue
    }
    found = found.flatMap((folder) =>
      list(folder)
        .filter((name) => matchesPattern(name, part) && (part.startsWith(".") || !name.startsWith(".")))
        .sort()
        .map((name) => join(folder, name)),
    )
  }
  return found.filter((path) => existsSync(path))
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
