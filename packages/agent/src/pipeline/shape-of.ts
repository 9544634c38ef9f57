import type { ArchivePart, PlannedArchive } from "@datamaestro/dataset"
import type { StoredResource } from "./stored-resource.ts"

/** What decides how a resource's output looks. Where it comes from is no part: a moved URL makes nothing obsolete. */
export function shapeOf(resource: StoredResource): string {
  if (resource.kind === "file") return JSON.stringify([resource.target, resource.transforms])
  if (resource.kind === "step") return JSON.stringify([resource.target, resource.version])
  if (!("strip" in resource)) return madeShape(resource)
  const { target, strip, subpath, files, include } = resource
  return JSON.stringify([target, strip, subpath, files, include])
}

function madeShape(resource: Exclude<StoredResource, PlannedArchive>): string {
  const { target } = resource
  switch (resource.kind) {
    case "concat":
      return JSON.stringify([target, resource.archives.map(wanted), resource.transforms])
    case "merge":
      return JSON.stringify([target, resource.archives.map(wanted)])
    case "wayback":
      return JSON.stringify([target, resource.timestamp, resource.host])
    case "links":
      return JSON.stringify([target, resource.links])
    case "manual":
      return JSON.stringify([target, resource.unpack])
    default:
      return JSON.stringify([target, resource.kind])
  }
}

function wanted({ strip, subpath, files, include }: ArchivePart): unknown {
  return [strip, subpath, files, include]
}
