import { downloadsOf } from "@datamaestro/dataset"
import type { Result } from "@datamaestro/protocol"
import { preparationOrder, type ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { storageHost } from "./list-bucket.ts"

/** Every address that preparing a dataset may ask. Mirrors of a machine's settings are not among them. */
export function planSources(dataset: ResolvedDataset): Result<"datasets/sources"> {
  const urls = new Set<string>()
  const prefixes = new Set<string>()
  for (const { resources } of preparationOrder(dataset).map(({ plan }) => plan)) {
    for (const resource of resources) {
      if (resource.kind === "bucket") {
        const host = storageHost()
        const below = resource.prefix === "" ? "" : `${resource.prefix}/`
        prefixes.add(`${host}/storage/v1/b/${resource.bucket}/o?`)
        prefixes.add(`${host}/${resource.bucket}/${below.split("/").map(encodeURIComponent).join("/")}`)
        for (const { download } of resource.mirrors) for (const url of download.urls) urls.add(url)
      } else if (resource.kind === "wayback") prefixes.add(`${resource.host}/web/${resource.timestamp}id_/`)
      else for (const download of downloadsOf(resource)) for (const url of download.urls) urls.add(url)
    }
  }
  return { urls: [...urls], prefixes: [...prefixes] }
}
