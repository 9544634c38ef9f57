import { allVariants } from "../../packages/agent/src/resolve/all-variants.ts"
import { axesOf, dataType } from "../../packages/agent/src/resolve/info-of.ts"
import { resolveVariant } from "../../packages/agent/src/resolve/resolve-dataset.ts"
import { RepositoryIndex } from "../../packages/agent/src/repositories/repository-index.ts"
import { downloadsOf, formatAxisValue, type AnyDefinition, type PlannedResource } from "@datamaestro/dataset"
import type { DatasetInfo, RepositoryLocation } from "@datamaestro/protocol"

/** What the catalogue page tells of one dataset. */
export interface CatalogueEntry {
  id: string
  repository: string
  name: string | undefined
  description: string | undefined
  homepage: string | undefined
  type: string
  tags: readonly string[]
  tasks: readonly string[]
  license: string | undefined
  /** As the source states it. */
  size: string | undefined
  doi: string | undefined
  agreement: { id: string; url?: string } | undefined
  axes: DatasetInfo["axes"]
  /** How many variants there are; 1 for a dataset without axes. */
  variants: number
  /** Of the first variant. */
  resources: CatalogueResource[]
  /** To copy. */
  command: string
}

export interface CatalogueResource {
  name: string
  kind: string
  urls: string[]
  /** Of the download, in bytes, where the author knows it. */
  bytes: number | undefined
  /** What a reference leads to, or where data must lie already. */
  leadsTo: string | undefined
}

/** Every dataset of some repositories, by id, from their plans: no network. */
export async function collectEntries(locations: readonly RepositoryLocation[]): Promise<CatalogueEntry[]> {
  const index = new RepositoryIndex(locations)
  const entries: CatalogueEntry[] = []
  for (const repository of index.ids) {
    const { datasets } = await index.repository(repository)
    for (const id of datasets.keys()) {
      const definition = await index.definition(repository, id)
      const { selections, total } = allVariants(definition)
      const dataset = await resolveVariant({ id, repository }, selections[0] ?? {}, index)
      const { name, description, url: homepage, tags, tasks, license, size, doi, agreement } = definition
      entries.push({
        id,
        repository,
        name,
        description,
        homepage,
        tags,
        tasks,
        license,
        size,
        doi,
        agreement,
        type: dataType(dataset),
        axes: axesOf(definition),
        variants: total,
        resources: dataset.plan.resources.map(describeResource),
        command: `datamaestro prepare ${selector(definition, dataset.selection)}`,
      })
    }
  }
  return entries.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function describeResource(resource: PlannedResource): CatalogueResource {
  const downloads = downloadsOf(resource)
  const sizes = downloads.map(({ size }) => size)
  const known = sizes.length > 0 && sizes.every((size) => size !== undefined)
  return {
    name: resource.name,
    kind: resource.kind,
    urls: downloads.flatMap(({ urls }) => urls),
    bytes: known ? sizes.reduce((sum, size) => sum + size, 0) : undefined,
    leadsTo: placeOf(resource),
  }
}

function placeOf(resource: PlannedResource): string | undefined {
  if (resource.kind === "reference") return `${resource.id}@${resource.repository}`
  if (resource.kind === "manual") return resource.page
  if (resource.kind === "datafolder") return `data folder ${resource.folder}, ${resource.path}`
  if (!("places" in resource)) return undefined
  const places = resource.places.map((place) =>
    "absolute" in place ? place.absolute : `data folder ${place.folder}, ${place.path}`,
  )
  return places.join(" or ")
}

function selector(
  definition: AnyDefinition,
  selection: Readonly<Record<string, string | number | boolean | null>>,
): string {
  const items = Object.entries(definition.axes).map(
    ([name, axis]) => `${name}=${formatAxisValue(selection[name] ?? null, axis)}`,
  )
  return items.length === 0 ? definition.id : `'${definition.id}[${items.sort().join(",")}]'`
}
