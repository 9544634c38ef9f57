import { downloadsOf, type PlannedResource } from "@datamaestro/dataset"
import { interrupted, type ProgressListener, type Result } from "@datamaestro/protocol"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import { allVariants } from "../resolve/all-variants.ts"
import { resolveVariant } from "../resolve/resolve-dataset.ts"
import type { SourceStatus } from "./check-source.ts"
import { checkSources } from "./check-sources.ts"

type Checked = Result<"repositories/check">
type Dataset = Checked["datasets"][number]

/**
 * Asks for every source of a repository's datasets, in all variants, whether it is there. Each address is asked for once.
 *
 * @throws DatamaestroError UNKNOWN_REPOSITORY, BROKEN_REPOSITORY, INTERRUPTED
 */
export async function checkRepository(
  id: string,
  index: RepositoryIndex,
  { signal, progress }: { signal: AbortSignal; progress: ProgressListener },
): Promise<Checked> {
  const { datasets: loaders } = await index.repository(id)
  const planned: (Omit<Dataset, "resources"> & { resources: PlannedSources[] })[] = []
  for (const dataset of [...loaders.keys()].sort()) {
    if (signal.aborted) throw interrupted()
    try {
      const definition = await index.definition(id, dataset)
      const known = new Set<string>()
      for (const selection of allVariants(definition).selections) {
        const { plan } = await resolveVariant({ id: dataset, repository: id }, selection, index)
        const resources = sourcesIn(plan.resources)
        // Axes outside the id most often change nothing of what is downloaded.
        const key = JSON.stringify([plan.id, resources])
        if (!known.has(key)) planned.push({ id: plan.id, resources })
        known.add(key)
      }
    } catch (error) {
      planned.push({ id: dataset, resources: [], error: reasonOf(error) })
    }
  }
  const urls = new Set(planned.flatMap(({ resources }) => resources.flatMap(({ downloads }) => downloads.flat())))
  const found = await checkSources(urls, signal, (checked) =>
    progress({ phase: "check", repository: id, checked, total: urls.size }),
  )
  const statusOf = (url: string): SourceStatus => found.get(url) ?? { url, ok: false }
  const datasets = planned.map((dataset): Dataset => ({
    ...dataset,
    resources: dataset.resources.map(({ name, kind, downloads }) => ({
      name,
      kind,
      ok: downloads.every((alternatives) => alternatives.some((url) => statusOf(url).ok)),
      sources: downloads.flat().map(statusOf),
    })),
  }))
  return { repository: id, datasets }
}

interface PlannedSources {
  name: string
  kind: string
  /** What is fetched, each with its alternatives. */
  downloads: string[][]
}

function sourcesIn(resources: readonly PlannedResource[]): PlannedSources[] {
  return resources.flatMap((resource) => {
    const downloads = downloadsOf(resource).map(({ urls }) => urls)
    return downloads.length === 0 ? [] : [{ name: resource.name, kind: resource.kind, downloads }]
  })
}
