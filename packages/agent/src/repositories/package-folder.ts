import { existsSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"

/** The folder of the package that a module belongs to, as stacks have it. */
export function packageFolder(module: string): string | undefined {
  if (!existsSync(module)) return undefined
  let folder = dirname(realpathSync(module))
  while (!existsSync(join(folder, "package.json"))) {
    if (folder === dirname(folder)) return undefined
    folder = dirname(folder)
  }
  return folder
}
