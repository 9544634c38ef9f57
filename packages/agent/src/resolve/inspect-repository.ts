import { downloadsOf, type ArchivePart, type PlannedResource, type PlannedValue } from "@datamaestro/dataset"
import { interrupted, type Result } from "@datamaestro/protocol"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import { allVariants } from "./all-variants.ts"
import { resolveVariant, type ResolvedDataset } from "./resolve-dataset.ts"
import { urlSuspicion } from "./url-suspicion.ts"

type Inspected = Result<"repositories/inspect">
type Problem = Inspected["problems"][number]

/**
 * Loads a repository and plans every variant of every dataset, without network: what is wrong, and what looks so.
 *
 * @throws DatamaestroError UNKNOWN_REPOSITORY, BROKEN_REPOSITORY, INTERRUPTED
 */
export async function inspectRepository(id: string, index: RepositoryIndex, signal: AbortSignal): Promise<Inspected> {
  const { datasets } = await index.repository(id)
  const ids = [...datasets.keys()].sort()
  const problems = new Problems()
  let variants = 0
  for (const dataset of ids) {
    if (signal.aborted) throw interrupted()
    try {
      variants += await inspectDataset({ id: dataset, repository: id }, index, problems)
    } catch (error) {
      problems.error(dataset, reasonOf(error))
    }
  }
  for (const [one, other] of sameFolder(ids)) {
    problems.error(other, `it and "${one}" differ in capitals only: on some machines their folders are one`)
  }
  await inspectOthers(id, new Set(ids), index, problems)
  return { repository: id, datasets: ids.length, variants, problems: problems.all }
}

/** Problems as they are found, each once however many variants have it. */
class Problems {
  readonly #known = new Map<string, Problem>()

  get all(): Problem[] {
    return [...this.#known.values()]
  }

  error(dataset: string, message: string): void {
    this.#add({ level: "error", dataset, message })
  }

  warning(dataset: string, message: string): void {
    this.#add({ level: "warning", dataset, message })
  }

  #add(problem: Problem): void {
    const key = JSON.stringify(problem)
    if (!this.#known.has(key)) this.#known.set(key, problem)
  }
}

async function inspectDataset(
  address: { id: string; repository: string },
  index: RepositoryIndex,
  problems: Problems,
): Promise<number> {
  const { id, repository } = address
  const definition = await index.definition(repository, id)
  if ((definition.description ?? "") === "") problems.warning(id, "description: there is none")
  const { selections, total } = allVariants(definition)
  if (total > selections.length) {
    problems.warning(id, `axes: ${total} variants are too many to look at: the first ${selections.length} were`)
  }
  for (const selection of selections) {
    try {
      inspectPlan(await resolveVariant(address, selection, index), problems)
    } catch (error) {
      const which = Object.entries(selection).map(([name, value]) => `${name}=${String(value)}`)
      const suffix = which.length === 0 ? "" : ` (of the variant ${which.join(",")})`
      problems.error(id, `${reasonOf(error)}${suffix}`)
    }
  }
  return selections.length
}

function inspectPlan({ definition, plan }: ResolvedDataset, problems: Problems): void {
  const { id } = definition
  const used = usedResources(plan.value)
  for (const resource of plan.resources) for (const name of inputsOf(resource)) used.add(name)
  for (const resource of plan.resources) {
    const field = `resources ${resource.name}`
    for (const glob of globsOf(resource).filter(unbalanced)) {
      problems.warning(id, `${field}: the glob ${JSON.stringify(glob)} opens a bracket that it does not close`)
    }
    const kinds = "archives" in resource ? resource.archives.map(({ kind }) => kind) : [resource.kind]
    for (const [at, { urls, integrity }] of downloadsOf(resource).entries()) {
      for (const url of urls) {
        const odd = url.startsWith("gs:") ? undefined : urlSuspicion(url, kinds[at] ?? resource.kind)
        if (odd !== undefined) problems.warning(id, `${field}: "${url}" is suspicious: ${odd}`)
      }
      const held = integrity.length > 0 || ("integrity" in resource && resource.integrity.length > 0)
      if (held || definition.timestamp || resource.kind === "bucket" || resource.kind === "wayback") continue
      problems.warning(id, `${field}: no integrity: a change of "${urls[0] ?? ""}" would go unnoticed`)
    }
    if (resource.kind !== "reference" && !used.has(resource.name)) {
      problems.warning(id, `${field}: neither describe nor another resource uses it`)
    }
  }
}

/** The dataset's own resources that its value leads to. */
function usedResources(value: PlannedValue, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found
  const path = (value as { $path?: { resource: string } }).$path
  if (path !== undefined) return found.add(path.resource)
  for (const part of Object.values(value) as PlannedValue[]) usedResources(part, found)
  return found
}

function inputsOf(resource: PlannedResource): string[] {
  if (resource.kind === "step" || resource.kind === "wayback") return resource.from
  return []
}

function globsOf(resource: PlannedResource): string[] {
  const several: ArchivePart[] =
    "archives" in resource ? resource.archives : resource.kind === "bucket" ? resource.mirrors : []
  const own = resource.kind === "tar" || resource.kind === "zip" ? [resource] : []
  const globs = [...several, ...own].flatMap(({ include }) => include ?? [])
  return "check" in resource && resource.check !== undefined ? [...globs, resource.check.glob] : globs
}

/** A bracket that is never closed matches itself: the glob then matches nothing. */
function unbalanced(glob: string): boolean {
  const plain = glob.replace(/\\./g, "")
  return [
    ["(", ")"],
    ["[", "]"],
    ["{", "}"],
  ].some(([open = "", close = ""]) => plain.split(open).length !== plain.split(close).length)
}

function sameFolder(ids: readonly string[]): [string, string][] {
  const seen = new Map<string, string>()
  return ids.flatMap((id): [string, string][] => {
    const other = seen.get(id.toLowerCase())
    seen.set(id.toLowerCase(), id)
    return other === undefined ? [] : [[other, id]]
  })
}

/** An id that another repository has too can only be asked for with `@repository`. */
async function inspectOthers(
  id: string,
  own: ReadonlySet<string>,
  index: RepositoryIndex,
  problems: Problems,
): Promise<void> {
  for (const other of index.ids.filter((each) => each !== id)) {
    const { datasets } = await index.repository(other).catch(() => ({ datasets: new Map<string, unknown>() }))
    for (const shared of datasets.keys()) {
      if (own.has(shared)) problems.warning(shared, `repository "${other}" has a dataset of that id too`)
    }
  }
}
