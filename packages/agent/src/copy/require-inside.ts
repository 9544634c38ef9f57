import { posix } from "node:path"
import { DatamaestroError, type CopiedResource } from "@datamaestro/protocol"
import { linkEscapes } from "../store/link-targets.ts"

/**
 * Nothing that another machine says may lead out of the dataset's folder, stand for it as a whole, or go through a link.
 *
 * @throws DatamaestroError UNSAFE_ARCHIVE
 */
export function requireInside({ entries, files, links, folders }: CopiedResource): void {
  const targets = new Map(links.map(({ path, to }) => [posix.normalize(path), { target: to }]))
  for (const path of [...entries, ...files.map(pathOf), ...links.map(pathOf), ...folders]) {
    const parts = posix.normalize(path).split("/")
    if (["", ".", ".."].includes(parts[0] ?? "")) throw refused(path, "leads out of the dataset's folder")
    const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"))
    if (parents.some((parent) => targets.has(parent))) throw refused(path, "goes through a symbolic link")
  }
  if (targets.size < links.length) throw refused(links[0]?.path ?? "", "may be one of several links of one name")
  for (const [path] of targets) {
    const reason = linkEscapes(path.split("/"), targets)
    if (reason !== undefined) throw refused(path, reason)
  }
}

function pathOf({ path }: { path: string }): string {
  return path
}

function refused(path: string, reason: string): DatamaestroError {
  return new DatamaestroError("UNSAFE_ARCHIVE", `Cannot copy "${path}": it ${reason}`, {
    hint: "prepare the dataset here instead of copying it",
    details: { path },
  })
}
