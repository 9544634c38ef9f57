import { existsSync, readFileSync } from "node:fs"
import { dirname, extname, join } from "node:path"

/**
 * What the file of a definition ends in, beside the module that registers it. A template is an ES module, which CommonJS can
 * import but not be.
 *
 * @param registering the module, absolute
 */
export function definitionSuffix(registering: string): string {
  const suffix = extname(registering)
  if (suffix === ".cjs") return ".mjs"
  return suffix === ".js" && !isOfModules(dirname(registering)) ? ".mjs" : suffix
}

function isOfModules(folder: string): boolean {
  const path = join(folder, "package.json")
  if (existsSync(path)) return (JSON.parse(readFileSync(path, "utf8")) as { type?: unknown }).type === "module"
  return dirname(folder) !== folder && isOfModules(dirname(folder))
}
