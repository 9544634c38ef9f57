import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

let folder: string | undefined

/** The folder of the `datamaestro` package that runs, whether from sources, compiled modules or the bundle. */
export function packageFolder(): string {
  return (folder ??= search(dirname(fileURLToPath(import.meta.url))))
}

function search(from: string): string {
  const parent = dirname(from)
  // No folder of ours below the package's own has a package.json.
  return parent === from || existsSync(join(from, "package.json")) ? from : search(parent)
}
