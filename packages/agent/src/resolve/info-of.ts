import { downloadsOf, type AnyDefinition, type PlannedResource } from "@datamaestro/dataset"
import type { DatasetInfo, Paths } from "@datamaestro/protocol"
import { datasetFolder, resourcePath, type Datafolders } from "../store/layout.ts"
import { isTypedValue } from "./planned-value.ts"
import type { ResolvedDataset } from "./resolve-dataset.ts"
import { selectorOf } from "./selector-of.ts"

type State = DatasetInfo["state"]
type ResourceInfo = DatasetInfo["resources"][number]

/** What was found on the disk, since this only knows the plan. */
export interface DiskState {
  dataset: State
  /** By the planned resource's name; absent: none. */
  resources: Readonly<Record<string, State>>
}

export interface InfoOptions {
  paths: Paths
  datafolders: Datafolders
  state: DiskState
  /** What is tried for a resource's URLs, in order: with the mirrors of the settings. */
  sources: (urls: readonly string[]) => string[]
}

/** Everything that can be told of a dataset without preparing it. */
export function infoOf(dataset: ResolvedDataset, { paths, datafolders, state, sources }: InfoOptions): DatasetInfo {
  const { definition, plan } = dataset
  const { name, description, url, license, size, doi, timestamp } = definition
  return {
    id: plan.id,
    repository: plan.repository,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(url === undefined ? {} : { homepage: url }),
    ...(license === undefined ? {} : { license }),
    ...(size === undefined ? {} : { size }),
    ...(doi === undefined ? {} : { doi }),
    ...(timestamp ? { timestamp } : {}),
    type: dataType(dataset),
    tags: [...definition.tags],
    tasks: [...definition.tasks],
    path: datasetFolder(paths, plan),
    state: state.dataset,
    resources: plan.resources.map((resource) => {
      const path = pathIfKnown(resource)
      const page = resource.kind === "manual" ? [[resource.page]] : []
      const downloads = [...page, ...downloadsOf(resource).map(({ urls }) => sources(urls))]
      const from = originsOf(resource)
      return {
        name: resource.name,
        kind: resource.kind,
        urls: downloads.flat(),
        ...(downloads.length > 1 ? { downloads } : {}),
        ...(from === undefined ? {} : { from }),
        ...(path === undefined ? {} : { path }),
        integrity: sumsOf(resource),
        state: state.resources[resource.name] ?? "none",
      }
    }),
    axes: axesOf(definition),
    ...(Object.keys(definition.axes).length === 0 ? {} : { example: selectorOf(dataset) }),
    ...(definition.agreement === undefined ? {} : { agreement: definition.agreement }),
  }

  // A data folder that nobody has set yet has no path, and `info` is what one reads to learn that it needs one.
  function pathIfKnown(resource: PlannedResource): string | undefined {
    if (resource.kind === "datafolder" && !Object.hasOwn(datafolders, resource.folder)) return undefined
    return resourcePath(paths, plan, resource, datafolders)
  }
}

function originsOf(resource: PlannedResource): ResourceInfo["from"] {
  switch (resource.kind) {
    case "reference":
      return [{ dataset: `${resource.id}@${resource.repository}` }]
    case "links":
      return Object.values(resource.links).map(({ id, repository }) => ({ dataset: `${id}@${repository}` }))
    case "datafolder":
      return [{ folder: resource.folder, path: resource.path }]
    case "linkfolder":
    case "linkfile":
      return resource.places.map((place) => ("absolute" in place ? { path: place.absolute } : place))
    case "step":
    case "wayback":
      return resource.from.map((name) => ({ resource: name }))
    default:
      return undefined
  }
}

function sumsOf(resource: PlannedResource): string[] {
  const sums = downloadsOf(resource).flatMap(({ integrity }) => integrity)
  if ("integrity" in resource) sums.push(...resource.integrity)
  const told = sums.map(({ algorithm, hex, of }) => `${algorithm}:${hex} (${of})`)
  if ("check" in resource && resource.check !== undefined)
    told.push(`md5:${resource.check.md5} (${resource.check.glob})`)
  return told
}

/** The data type's name: what the author says, else that of the described value, else `Base`. */
export function dataType({ definition, plan }: Pick<ResolvedDataset, "definition" | "plan">): string {
  return definition.type ?? (isTypedValue(plan.value) ? plan.value.$type : "Base")
}

/** The axes for people: which values there are, and the one that is taken if none is said. */
export function axesOf(definition: Pick<AnyDefinition, "axes">): DatasetInfo["axes"] {
  return Object.fromEntries(
    Object.entries(definition.axes).map(([name, axis]) => [
      name,
      {
        ...(axis.domain === undefined ? {} : { domain: [...axis.domain] }),
        ...(axis.type === undefined ? {} : { type: axis.type }),
        ...(axis.hasDefault ? { default: axis.default } : {}),
        ...(axis.inId ? {} : { inId: false }),
      },
    ]),
  )
}
