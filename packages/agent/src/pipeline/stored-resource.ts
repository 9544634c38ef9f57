import type { PlannedLink, PlannedLinks, PlannedResource } from "@datamaestro/dataset"

/** A resource that has files in the dataset's folder. */
export type StoredResource = Exclude<PlannedResource, { kind: "reference" | "datafolder" }>

export function isStored(resource: PlannedResource): resource is StoredResource {
  return resource.kind !== "reference" && resource.kind !== "datafolder"
}

/** A symbolic link to data of this machine. */
export function isDataLink(resource: PlannedResource): resource is PlannedLink {
  return resource.kind === "linkfolder" || resource.kind === "linkfile"
}

/** Nothing of it is here but symbolic links, which each machine makes by itself. */
export function isLink(resource: PlannedResource): resource is PlannedLink | PlannedLinks {
  return resource.kind === "links" || isDataLink(resource)
}
