import {
  isDefinition,
  type AnyDefinition,
  type Plan,
  type ReferenceResource,
  type Resources,
} from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import type { RepositorySource } from "../repositories/load-repository.ts"
import { brokenDefinition, type RepositoryIndex } from "../repositories/repository-index.ts"
import { datasetKey } from "../store/layout.ts"
import { findDataset, type DatasetAddress } from "./find-dataset.ts"
import { authoredResources, planDataset, type PlannedDataset } from "./plan-dataset.ts"
import { parseSelector } from "./selector.ts"
import { completeSelection, exampleSelection, readVariant, type Selection } from "./variant.ts"

/** A dataset with its plan, its definition and all that it refers to. */
export interface ResolvedDataset extends PlannedDataset {
  plan: Plan
  definition: AnyDefinition
  selection: Selection
  resources: Resources
  /** Where its definition comes from; undefined for one that no module has. */
  source: RepositorySource | undefined
  /** The datasets that it refers to directly, by `id@repository`: they are prepared before it. */
  references: ReadonlyMap<string, ResolvedDataset>
  /** Whether it is known to have been in a repository of that name before. */
  cameFrom?(repository: string): Promise<boolean>
}

export interface ResolveOptions {
  /** The repository that is searched first. */
  defaultRepository?: string | undefined
  /** Takes the first value of an axis that should have been selected: to show what a dataset is like. */
  example?: boolean | undefined
}

/** One call's memory: what was resolved, and the way to what is being resolved. */
interface Journey {
  index: RepositoryIndex
  done: Map<string, ResolvedDataset>
  trail: readonly string[]
}

/**
 * Finds a dataset and plans it with all that it refers to, loading no definition but these.
 *
 * @param selector `mnist`, `com.lecun.mnist@image`, `org.example.words[dim=50]`
 * @throws DatamaestroError USAGE, UNKNOWN_DATASET, AMBIGUOUS_DATASET, UNKNOWN_VARIANT, UNKNOWN_REPOSITORY,
 *   BROKEN_REPOSITORY, BROKEN_DEFINITION (also for references that lead back to where they began)
 */
export async function resolveDataset(
  selector: string,
  index: RepositoryIndex,
  options: ResolveOptions = {},
): Promise<ResolvedDataset> {
  const { id, repository, variant } = parseSelector(selector)
  const address = await findDataset(id, index, { repository, first: options.defaultRepository })
  const definition = await index.definition(address.repository, address.id)
  const typed = readVariant(definition, variant)
  const given = options.example === true ? exampleSelection(definition, typed) : typed
  return resolveDefinition(definition, address.repository, given, { index, done: new Map(), trail: [] })
}

/**
 * Plans a variant of a definition that was loaded already.
 *
 * @param selection values by axis; those with a default may be missing
 * @throws as `resolveDataset` does
 */
export async function resolveVariant(
  address: DatasetAddress,
  selection: Readonly<Record<string, unknown>>,
  index: RepositoryIndex,
): Promise<ResolvedDataset> {
  const definition = await index.definition(address.repository, address.id)
  return resolveDefinition(definition, address.repository, selection, { index, done: new Map(), trail: [] })
}

/** The datasets that must be prepared for this one, each once and after what it needs itself; this one comes last. */
export function preparationOrder(dataset: ResolvedDataset): ResolvedDataset[] {
  const order = new Map<string, ResolvedDataset>()
  const visit = (one: ResolvedDataset): void => {
    if (order.has(datasetKey(one.plan))) return
    for (const reference of one.references.values()) visit(reference)
    order.set(datasetKey(one.plan), one)
  }
  visit(dataset)
  return [...order.values()]
}

async function resolveDefinition(
  definition: AnyDefinition,
  repository: string,
  given: Readonly<Record<string, unknown>>,
  journey: Journey,
): Promise<ResolvedDataset> {
  const selection = completeSelection(definition, given)
  // All axes, also those outside the id: they decide what the value is.
  const key = `${definition.id}@${repository} ${JSON.stringify(selection)}`
  const known = journey.done.get(key)
  if (known !== undefined) return known
  if (journey.trail.includes(key)) throw cyclic(definition.id, repository, [...journey.trail, key])
  const onward = { ...journey, trail: [...journey.trail, key] }

  const authored = <T>(run: () => T): Promise<T> =>
    journey.index.authored(repository, `dataset "${definition.id}"`, run)
  const resources = await authored(() => authoredResources(definition, selection, repository))
  const referenced = new Map<string, ResolvedDataset>()
  for (const [name, resource] of Object.entries(resources)) {
    if (resource.kind !== "reference") continue
    const place = { id: definition.id, repository, field: `resources.${name}` }
    referenced.set(name, await resolveReference(resource, place, onward))
  }
  const resolved: ResolvedDataset = {
    plan: await authored(() => planDataset(definition, selection, repository, referenced)),
    definition,
    selection,
    resources,
    source: (await journey.index.repository(repository)).source,
    references: new Map([...referenced.values()].map((dataset) => [datasetKey(dataset.plan), dataset])),
    cameFrom: async (former) => {
      // One that can't be loaded tells nothing.
      const loaded = await journey.index.repository(former).catch(() => undefined)
      return loaded?.moved.get(definition.id) === repository
    },
  }
  journey.done.set(key, resolved)
  return resolved
}

async function resolveReference(
  resource: ReferenceResource,
  place: DatasetAddress & { field: string },
  journey: Journey,
): Promise<ResolvedDataset> {
  const loading = journey.index.authored<unknown>(place.repository, `dataset "${place.id}"`, () => resource.target())
  const target = await loading.catch((error: unknown) => {
    throw brokenDefinition(place.id, place.repository, error)
  })
  const named = namedTarget(target)
  if (named === undefined) {
    const problem = `${place.field}: it refers to what is neither a definition nor { id, repository }`
    throw brokenDefinition(place.id, place.repository, problem)
  }
  const address = await findReferenced(named, place, journey.index)
  const definition = await journey.index.definition(address.repository, address.id)
  return resolveDefinition(definition, address.repository, selectionOf(definition, resource, place), journey)
}

function selectionOf(
  definition: AnyDefinition,
  resource: ReferenceResource,
  place: DatasetAddress & { field: string },
): Selection {
  try {
    return completeSelection(definition, resource.selection)
  } catch (error) {
    throw brokenReference(place, error)
  }
}

/** In the referring dataset's own repository first: a definition that was imported does not know where it is registered. */
async function findReferenced(
  named: { id: string; repository: string | undefined },
  place: DatasetAddress & { field: string },
  index: RepositoryIndex,
): Promise<DatasetAddress> {
  try {
    const found = await findDataset(named.id, index, { repository: named.repository, first: place.repository })
    if (found.id === named.id) return found
  } catch (error) {
    throw brokenReference(place, error)
  }
  throw brokenDefinition(place.id, place.repository, `${place.field}: no repository has a dataset "${named.id}"`)
}

function namedTarget(target: unknown): { id: string; repository: string | undefined } | undefined {
  if (isDefinition(target)) return { id: target.id, repository: undefined }
  if (typeof target !== "object" || target === null || !("id" in target) || typeof target.id !== "string")
    return undefined
  const repository = "repository" in target ? target.repository : undefined
  return repository === undefined || typeof repository === "string" ? { id: target.id, repository } : undefined
}

function brokenReference(place: DatasetAddress & { field: string }, cause: unknown): DatamaestroError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = cause instanceof DatamaestroError ? cause.hint : undefined
  return new DatamaestroError(
    "BROKEN_DEFINITION",
    `Cannot use dataset "${place.id}" of repository "${place.repository}": ${place.field}: ${reason}`,
    { hint, details: { dataset: place.id, repository: place.repository, field: place.field }, cause },
  )
}

function cyclic(id: string, repository: string, trail: readonly string[]): DatamaestroError {
  const names = trail.map((key) => key.slice(0, key.indexOf(" ")))
  const cycle = names.slice(trail.indexOf(trail.at(-1) ?? "")).join(" -> ")
  return brokenDefinition(id, repository, `its references lead back to it: ${cycle}`)
}
