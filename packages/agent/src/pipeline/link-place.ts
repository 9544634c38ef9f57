import { homedir } from "node:os"
import { join } from "node:path"
import type { LinkPlace } from "@datamaestro/dataset"
import { expandPath } from "../data-directory.ts"
import type { Datafolders } from "../store/layout.ts"

/**
 * Where a link may lead; undefined for a data folder that is not set.
 *
 * @param data the data directory: a relative path in settings is meant from there, as in the layout
 */
export function linkPlace(place: LinkPlace, data: string, datafolders: Datafolders): string | undefined {
  if ("absolute" in place) return place.absolute.replace(/^~(?=\/)/, process.env["HOME"] ?? homedir())
  const folder = Object.hasOwn(datafolders, place.folder) ? datafolders[place.folder] : undefined
  return folder === undefined ? undefined : join(expandPath(folder, data), place.path)
}
