import { downloadsOf, type PlannedResource } from "@datamaestro/dataset"
import { interrupted, type GlobalSettings, type ProgressListener, type Result } from "@datamaestro/protocol"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import { allVariants } from "../resolve/all-variants.ts"
import { resolveVariant } from "../resolve/resolve-dataset.ts"
import type { SourceStatus } from "./check-source.ts"
import { withTokens } from "../fetch/credentials.ts"
import { isDataDue } from "../fetch/html-page.ts"
import { checkSources } from "./check-sources.ts"

type Checked = Result<"repositories/check">
type Dataset = Checked["datasets"][number]

export interface CheckRepositoryOptions {
  signal: AbortSignal
  progress: ProgressListener
  /** The settings' `tokens`: host to bearer token. */
  tokens?: GlobalSettings["tokens"] | undefined
}

/**
 * Asks for every source of a repository's datasets, in all variants, whether it is there. Each address is asked for once.
 *
 * @throws DatamaestroError UNKNOWN_REPOSITORY, BROKEN_REPOSITORY, INTERRUPTED
 */
export async function checkRepository(
  id: string,
  index: RepositoryIndex,
  { signal, progress, tokens }: CheckRepositoryOptions,
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
  const data = planned.flatMap(({ resources }) => resources.flatMap(({ data }) => data))
  const found = await checkSources(urls, {
    signal,
    environment: withTokens(process.env, tokens),
    data: new Set(data),
    told: (checked) => progress({ phase: "check", repository: id, checked, total: urls.size }),
  })
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
  /** Those in whose place an HTML page is none. */
  data: string[]
}

function sourcesIn(resources: readonly PlannedResource[]): PlannedSources[] {
  return resources.flatMap((resource) => {
    const downloads = downloadsOf(resource).map(({ urls }) => urls)
    const { name, kind } = resource
    return downloads.length === 0 ? [] : [{ name, kind, downloads, data: isData(resource) ? downloads.flat() : [] }]
  })
}

/** As a preparation looks at what comes. */
function isData(resource: PlannedResource): boolean {
  if (resource.kind === "file") return isDataDue({ urls: resource.download.urls, name: resource.target })
  return ["tar", "zip", "concat", "merge"].includes(resource.kind)
}
