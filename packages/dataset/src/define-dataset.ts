import { checkFields, checkObject } from "./check-given.ts"
import { axisFault, type Axes, type NoAxes, type Selected } from "./axis.ts"
import { brandOf, AXIS, DEFINITION, FORMAT_VERSION } from "./brands.ts"
import { DefinitionError } from "./definition-error.ts"
import { isFieldName } from "./field-name.ts"
import { FLAG, OBJECT, TEXT, type Kind } from "./kinds.ts"
import type { DatasetFacts, Definition, Symbols } from "./definition.ts"
import { planResources, type PlanSurroundings } from "./plan-resources.ts"
import type { Resources } from "./resource.ts"
import type { DescribedObject } from "./typed-value.ts"

/** What an author writes. */
export interface DatasetAuthored<R extends Resources, V extends DescribedObject, A extends Axes> extends DatasetFacts {
  /** The dimensions along which it varies: `id[dim=50]`. */
  readonly axes?: A
  /** What it is made from, or how that follows from what was selected. */
  readonly resources: R | ((selection: Selected<A>) => R)
  /** The prepared value, with a symbol for each path: it runs before anything is downloaded. */
  readonly describe: (resources: Symbols<R>, selection: Selected<A>) => V
}

const FIELDS: Readonly<Record<keyof DatasetAuthored<Resources, DescribedObject, Axes>, Kind | true>> = {
  id: true,
  name: TEXT,
  description: TEXT,
  url: true,
  tags: true,
  tasks: true,
  license: TEXT,
  size: TEXT,
  doi: TEXT,
  agreement: true,
  timestamp: FLAG,
  type: TEXT,
  axes: OBJECT,
  resources: true,
  describe: true,
}

// Only what does not depend on other datasets can be checked when a definition is written down.
const NOWHERE: PlanSurroundings = {
  reference: () => ({ id: "", repository: "" }),
  input: (_key, name) => ({ $path: { repository: "", dataset: "", resource: name, segments: [] } }),
}

/**
 * Writes a dataset down.
 *
 * @throws DefinitionError naming the field that makes no sense; what depends on the selection is checked when it is planned
 */
export function defineDataset<R extends Resources, V extends DescribedObject, A extends Axes = NoAxes>(
  authored: DatasetAuthored<R, V, A>,
): Definition<R, V, A> {
  checkObject("", "defineDataset", authored)
  const { axes, resources, describe, ...facts } = authored
  checkFacts(facts)
  checkFields(facts.id, "", authored, FIELDS)
  if (typeof describe !== "function") {
    throw new DefinitionError(facts.id, "describe", "it must be a function that returns the value")
  }
  checkAxes(facts.id, axes ?? {})
  const given: unknown = resources
  if (typeof given !== "function" && (typeof given !== "object" || given === null)) {
    throw new DefinitionError(
      facts.id,
      "resources",
      "it must be an object of resources, or a function that returns one",
    )
  }
  if (typeof resources === "object") planResources(facts.id, resources, NOWHERE)
  return {
    ...facts,
    // One id, however an editor wrote its accents: it names a folder and is compared with what is typed.
    id: facts.id.normalize("NFC"),
    [DEFINITION]: FORMAT_VERSION,
    tags: facts.tags ?? [],
    tasks: facts.tasks ?? [],
    timestamp: facts.timestamp ?? false,
    axes: axes ?? ({} as A),
    resources: (selection) => (typeof resources === "function" ? resources(selection) : resources),
    describe,
  }
}

/** Why something can't be a dataset's id, or undefined when it can. Its dots become folders. */
export function datasetIdFault(id: unknown): string | undefined {
  if (typeof id === "string" && isId(id)) return undefined
  return "an id is made of letters, digits, _ and -, in parts joined by dots"
}

function isId(text: string): boolean {
  if (/^[\w-]+(?:\.[\w-]+)*$/.test(text)) return true
  return /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*$/u.test(text.normalize("NFC"))
}

function checkFacts(facts: DatasetFacts): void {
  const { id } = facts
  const fault = datasetIdFault(id)
  if (fault !== undefined) throw new DefinitionError(id, "id", fault)
  // In JavaScript each may be anything.
  for (const field of ["tags", "tasks"] as const) {
    const words: unknown = facts[field] ?? []
    if (!Array.isArray(words) || words.some((word) => typeof word !== "string" || word === "")) {
      throw new DefinitionError(id, field, "it must be a list, and each in it a word or a few")
    }
  }
  for (const [field, url] of [
    ["url", facts.url],
    ["agreement.url", facts.agreement?.url],
  ] as const) {
    if (url === undefined) continue
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new DefinitionError(id, field, `${JSON.stringify(url)} is no http or https URL`)
    }
  }
  const agreed: unknown = facts.agreement?.id
  if (facts.agreement !== undefined && (typeof agreed !== "string" || agreed === "")) {
    throw new DefinitionError(id, "agreement.id", "it is missing: acceptance is remembered under it")
  }
  if (facts.agreement !== undefined) {
    checkFields(id, "agreement", facts.agreement, { id: true, url: true, text: TEXT })
  }
}

function checkAxes(id: string, axes: Axes): void {
  for (const [name, axis] of Object.entries(axes)) {
    if (!isFieldName(name)) {
      throw new DefinitionError(
        id,
        `axes.${name}`,
        "an axis's name is made of letters, digits, _, - and . after a letter",
      )
    }
    const reason = brandOf(axis, AXIS) === FORMAT_VERSION ? axisFault(axis) : "this is no axis: make one with axis"
    if (reason !== undefined) throw new DefinitionError(id, `axes.${name}`, reason)
  }
}
