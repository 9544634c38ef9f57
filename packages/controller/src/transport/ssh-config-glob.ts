import { existsSync, readdirSync } from "node:fs"
import { join, parse } from "node:path"

/** Files an `Include` names, as glob(7) has it: `*`, `?` and `[a-z]` in any part of the path, sorted; hidden files only when the dot is written. */
export function expandIncludePattern(pattern: string): string[] {
  const { root } = parse(pattern)
  let found = [root]
  for (const part of pattern.slice(root.length).split(/[\\/]+/)) {
    if (part === "") continue
    if (!/[*?[]/.test(part)) {
      found = found.map((folder) => join(folder, part))
      continue
    }
    const expression = globExpression(part)
    found = found.flatMap((folder) =>
      list(folder)
        .filter((name) => expression.test(name) && (part.startsWith(".") || !name.startsWith(".")))
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

function globExpression(part: string): RegExp {
  const source = part.replace(
    /\[([!^]?)(\]?[^\]]*)\]|[\s\S]/g,
    (whole, not: string | undefined, set: string | undefined) => {
      if (set !== undefined) return `[${not === "" ? "" : "^"}${set.replace(/[\\\][^]/g, "\\$&")}]`
      if (whole === "*") return ".*"
      if (whole === "?") return "."
      return whole.replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    },
  )
  try {
    return new RegExp(`^${source}$`, "s")
  } catch {
    // A range that runs backwards, which is in no name.
    return /(?!)/
  }
}
