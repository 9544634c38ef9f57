import { downloadsOf, type PlannedResource } from "@datamaestro/dataset"
import type { GlobalSettings, Paths, Result } from "@datamaestro/protocol"
import { sourcesOf } from "../fetch/sources.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import type { DownloadCache } from "../store/cache.ts"
import { datasetFolder, resourcePath, type Datafolders } from "../store/layout.ts"
import { diskState } from "./disk-state.ts"
import { FoundDataset, isStored } from "./found-dataset.ts"

export interface PlanWorkOptions {
  paths: Paths
  datafolders: Datafolders
  mirrors: GlobalSettings["mirrors"]
  cache: DownloadCache
}

/** What `prepare` would do, for `--dry-run`: touches neither network nor data. */
export async function planWork(dataset: ResolvedDataset, options: PlanWorkOptions): Promise<Result<"datasets/plan">> {
  const { plan } = dataset
  const found = await FoundDataset.read(options.paths, plan)
  const { resources } = await diskState(dataset, options)
  const work: Result<"datasets/plan">["work"] = []
  for (const resource of plan.resources) {
    const done = resources[resource.name] === "complete" || (isStored(resource) && !(await found.isNeeded(resource)))
    const known = resource.kind !== "datafolder" || Object.hasOwn(options.datafolders, resource.folder)
    work.push({
      resource: resource.name,
      kind: resource.kind,
      action: done ? "none" : await actionFor(resource, options.cache),
      urls: downloadsOf(resource).flatMap(({ urls }) => sourcesOf(urls, options.mirrors)),
      ...(known ? { target: resourcePath(options.paths, plan, resource, options.datafolders) } : {}),
    })
  }
  return { id: plan.id, repository: plan.repository, path: datasetFolder(options.paths, plan), work }
}

async function actionFor(resource: PlannedResource, cache: DownloadCache) {
  if (resource.kind === "reference" || resource.kind === "datafolder") return "reference"
  const downloads = downloadsOf(resource)
  if (downloads.length === 0) return "make"
  for (const { urls } of downloads) {
    const [url] = urls
    const cached = url === undefined ? undefined : await cache.find(cache.keyOf(url))
    if (cached === undefined) return "download"
  }
  return "extract-cached"
}
