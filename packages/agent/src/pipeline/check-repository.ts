import { downloadsOf } from "@datamaestro/dataset"
import { interrupted, type ProgressListener, type Result } from "@datamaestro/protocol"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import { resolveDataset } from "../resolve/resolve-dataset.ts"
import { checkSource, type SourceStatus } from "./check-source.ts"

type Checked = Result<"repositories/check">

/** Servers asked at once, and requests to one of them. */
const HOSTS = 12
const REQUESTS = 2

/**
 * Asks for every source of a repository's datasets whether it is there; of a dataset with axes, those of its first variant.
 *
 * @throws DatamaestroError UNKNOWN_REPOSITORY, BROKEN_REPOSITORY, INTERRUPTED
 */
export async function checkRepository(
  id: string,
  index: RepositoryIndex,
  { signal, progress }: { signal: AbortSignal; progress: ProgressListener },
): Promise<Checked> {
  const { datasets: loaders } = await index.repository(id)
  const datasets: Checked["datasets"] = []
  for (const dataset of [...loaders.keys()].sort()) {
    if (signal.aborted) throw interrupted()
    try {
      const { plan } = await resolveDataset(`${dataset}@${id}`, index, { example: true })
      const resources = plan.resources.map((resource) => ({
        name: resource.name,
        sources: downloadsOf(resource).flatMap(({ urls }) => urls.map((url): SourceStatus => ({ url, ok: false }))),
      }))
      datasets.push({ id: dataset, resources: resources.filter(({ sources }) => sources.length > 0) })
    } catch (error) {
      datasets.push({ id: dataset, resources: [], error: reasonOf(error) })
    }
  }
  const all = datasets.flatMap(({ resources }) => resources.flatMap(({ sources }) => sources))
  const found = await askAll(new Set(all.map(({ url }) => url)), { id, signal, progress })
  for (const source of all) Object.assign(source, found.get(source.url))
  return { repository: id, datasets }
}

async function askAll(
  urls: ReadonlySet<string>,
  { id, signal, progress }: { id: string; signal: AbortSignal; progress: ProgressListener },
): Promise<Map<string, SourceStatus>> {
  const hosts = new Map<string, string[]>()
  for (const url of urls) {
    const host = URL.canParse(url) ? new URL(url).host : ""
    hosts.set(host, [...(hosts.get(host) ?? []), url])
  }
  const found = new Map<string, SourceStatus>()
  const queue = [...hosts.values()]
  await sideBySide(HOSTS, queue, (ofHost) =>
    sideBySide(REQUESTS, ofHost, async (url) => {
      if (signal.aborted) throw interrupted()
      found.set(url, await checkSource(url, process.env, signal))
      const message = `${found.size} of ${urls.size} sources checked`
      progress({ phase: "step", dataset: id, resource: "check", fraction: found.size / urls.size, message })
    }),
  )
  return found
}

async function sideBySide<T>(width: number, queue: T[], work: (item: T) => Promise<void>): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
