import type { RepositoryLocation } from "@datamaestro/protocol"
import { packageFolder } from "./package-folder.ts"

/** What the paths of its package's files have in them, as stacks have it: by that it is told whose code an error came through. */
export function packageMark(module: RepositoryLocation["module"]): string | undefined {
  return module.kind === "file" ? packageFolder(module.path) : module.hash
}
