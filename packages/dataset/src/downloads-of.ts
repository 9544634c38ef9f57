import type { Download, PlannedResource } from "./plan.ts"

/** All that a resource may be downloaded from, in the order in which it is told to people. */
export function downloadsOf(resource: PlannedResource): Download[] {
  switch (resource.kind) {
    case "file":
    case "tar":
    case "zip":
      return resource.download.pieces ?? [resource.download]
    case "concat":
    case "merge":
      return resource.archives.map(({ download }) => download)
    case "bucket":
      return [
        {
          urls: [
            `gs://${resource.bucket}/${resource.prefix}`,
            ...resource.mirrors.flatMap(({ download }) => download.urls),
          ],
          integrity: resource.mirrors.flatMap(({ download }) => download.integrity),
        },
      ]
    case "wayback":
      return [{ urls: [resource.host], integrity: [] }]
    default:
      return []
  }
}
