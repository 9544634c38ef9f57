import { existsSync, readFileSync } from "node:fs"
import { dirname, extname, join } from "node:path"
import { upwards } from "../repositories/upwards.ts"

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
  const described = upwards(folder)
    .map((one) => join(one, "package.json"))
    .find((path) => existsSync(path))
  try {
    return (
      described !== undefined && (JSON.parse(readFileSync(described, "utf8")) as { type?: unknown }).type === "module"
    )
  } catch {
    // Whatever is wrong with it, .mjs is right.
    return false
  }
}
