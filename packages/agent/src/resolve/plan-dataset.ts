import {
  DefinitionError,
  isDefinitionError,
  isSymbolicPath,
  PATH,
  planResources,
  resourceFault,
  stateName,
  symbolicPath,
  type AnyDefinition,
  type PathReference,
  type Plan,
  type Resources,
  type SymbolicPath,
  type SymbolicReference,
  type Symbols,
} from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { thrownText } from "../author-code/thrown-text.ts"
import { brokenDefinition } from "../repositories/repository-index.ts"
import { folderName } from "../store/layout.ts"
import { toDescribed, toPlannedValue } from "./planned-value.ts"
import { completeSelection, variantSuffix, type Selection } from "./variant.ts"

/** A dataset that another one refers to, as far as planning needs it. */
export interface PlannedDataset {
  plan: Plan
  /** The resources as authored, for this selection. */
  resources: Resources
}

/**
 * Plans one variant of a dataset: pure, without network or disk.
 *
 * @param selection what was selected; axes with a default may be missing
 * @param references the planned datasets that its references lead to, by the resource's key
 * @throws DatamaestroError UNKNOWN_VARIANT; BROKEN_DEFINITION naming definition and field
 */
export function planDataset(
  definition: AnyDefinition,
  selection: Readonly<Record<string, unknown>>,
  repository: string,
  references: ReadonlyMap<string, PlannedDataset> = new Map(),
): Plan {
  const values = completeSelection(definition, selection)
  const { id: base } = definition
  const id = base + variantSuffix(definition.axes, values)
  const resources = authoredResources(definition, values, repository)
  try {
    const symbols = symbolsOf(base, { id, repository }, resources, references)
    return {
      id,
      base,
      repository,
      folder: folderName(repository, id),
      resources: planResources(base, resources, {
        reference: (key) => {
          const { plan } = referenceTo(base, key, references)
          return { id: plan.id, repository: plan.repository }
        },
        input: (key) => pathOf({ id, repository }, key, symbols),
      }),
      value: toPlannedValue(base, definition.describe(symbols, namingWhatLacks(base, "axes", "axis", values))),
      ...(definition.agreement === undefined ? {} : { agreement: definition.agreement }),
    }
  } catch (error) {
    throw brokenDefinition(base, repository, inDescribe(error, base))
  }
}

/**
 * The resources of one variant, as authored.
 *
 * @throws DatamaestroError BROKEN_DEFINITION
 */
export function authoredResources(definition: AnyDefinition, selection: Selection, repository: string): Resources {
  try {
    const resources: unknown = definition.resources(namingWhatLacks(definition.id, "axes", "axis", selection))
    if (typeof resources !== "object" || resources === null || "then" in resources) {
      throw new DefinitionError(definition.id, "resources", "its function must return an object of resources")
    }
    for (const [key, resource] of Object.entries(resources)) {
      const fault = resourceFault(resource)
      if (fault !== undefined) throw new DefinitionError(definition.id, `resources.${key}`, fault)
    }
    return resources as Resources
  } catch (error) {
    throw brokenDefinition(definition.id, repository, error)
  }
}

function symbolsOf(
  base: string,
  owner: { id: string; repository: string },
  resources: Resources,
  references: ReadonlyMap<string, PlannedDataset>,
): Symbols<Resources> {
  const symbols = Object.entries(resources).map(([key, resource]) => {
    if (resource.kind !== "reference") return [key, outputOf(owner, key)] as const
    return [key, symbolicReference(base, key, referenceTo(base, key, references))] as const
  })
  return namingWhatLacks(base, "describe", "resource", Object.fromEntries(symbols) as Symbols<Resources>)
}

/** JavaScript would give `undefined` for a mistyped resource or axis, and an error that says nothing of it. */
function namingWhatLacks<T extends object>(base: string, field: string, what: string, things: T): T {
  return new Proxy(things, {
    get(target, key) {
      if (typeof key === "symbol" || key === "toJSON" || key in target) return Reflect.get(target, key) as unknown
      const known = Object.keys(target).join(", ") || "no others"
      throw new DefinitionError(base, field, `there is no ${what} "${key}": there are ${known}`)
    },
  })
}

function outputOf(owner: { id: string; repository: string }, key: string): SymbolicPath {
  return symbolicPath({ repository: owner.repository, dataset: owner.id, resource: stateName(key), segments: [] })
}

function symbolicReference(base: string, key: string, { plan, resources }: PlannedDataset): SymbolicReference {
  const value = toDescribed(plan.value) as SymbolicReference["value"]
  const stored = Object.keys(resources).filter((key) => resources[key]?.kind !== "reference")
  const outputs = Object.fromEntries(stored.map((key) => [key, outputOf(plan, key)]))
  return namingWhatLacks(base, `describe: ${key}`, "field", {
    id: plan.id,
    repository: plan.repository,
    value,
    resources: namingWhatLacks(base, `describe: ${key}.resources`, "resource", outputs),
    get path(): never {
      if (isSymbolicPath(value["path"])) return value["path"] as never
      const reason = `${key}.path: dataset "${plan.id}" is no single file or folder: use its value or its resources`
      throw new DefinitionError(base, "describe", reason)
    },
  })
}

function referenceTo(base: string, key: string, references: ReadonlyMap<string, PlannedDataset>): PlannedDataset {
  const found = references.get(key)
  if (found === undefined)
    throw new DefinitionError(base, `resources.${key}`, "the dataset it refers to is not resolved")
  return found
}

/** What a step is given: of a dataset that is no single file or folder, the dataset's folder. */
function pathOf(owner: { id: string; repository: string }, key: string, symbols: Symbols<Resources>): PathReference {
  const symbol = Object.hasOwn(symbols, key) ? symbols[key] : undefined
  if (symbol === undefined) throw new DefinitionError(owner.id, "from", `there is no resource "${key}"`)
  if (isSymbolicPath(symbol)) return { $path: symbol[PATH] }
  return { $path: (isSymbolicPath(symbol.value.path) ? symbol.path : outputOf(owner, key))[PATH] }
}

/** Anything else that an author's code throws here came out of `describe`. */
function inDescribe(error: unknown, base: string): unknown {
  if (!(error instanceof Error) || isDefinitionError(error) || error instanceof DatamaestroError) return error
  const located = new DefinitionError(base, "describe", thrownText(error))
  located.cause = error
  return located
}
