import { checkTargets, fold, type Target } from "./claim-targets.ts"
import { DefinitionError } from "./definition-error.ts"
import { isFieldName } from "./field-name.ts"
import { orderResources } from "./order-resources.ts"
import { checkRelative, checkTarget, fault, planArchive, planFile, type Place } from "./plan-download.ts"
import { planBucket, planConcat, planMerge } from "./plan-archives.ts"
import { checkDatafolder, planLink, planLinks, planManual } from "./plan-local.ts"
import type { PathReference, PlannedResource, PlannedStep, PlannedWayback } from "./plan.ts"
import {
  resourceFault,
  type ReferenceResource,
  type Resource,
  type Resources,
  type StepResource,
  type WaybackResource,
} from "./resource.ts"
import { stateName } from "./state-name.ts"
import { urlFault } from "./url-name.ts"

/** What planning needs to know beyond the resources themselves. */
export interface PlanSurroundings {
  /** What a reference leads to. */
  reference(key: string, resource: ReferenceResource): { id: string; repository: string }
  /** Where the output of a step's input is. */
  input(key: string, name: string): PathReference
}

/**
 * Turns authored resources into planned ones, in an order in which each comes after what it needs.
 *
 * @throws DefinitionError naming the definition and the field that makes no sense
 */
export function planResources(
  definition: string,
  resources: Resources,
  surroundings: PlanSurroundings,
): PlannedResource[] {
  const names = nameResources(definition, resources)
  const order = orderResources(definition, resources)
  const archives = Object.values(resources).filter(({ kind }) => kind === "tar" || kind === "zip").length
  const planned = new Map<string, PlannedResource>()
  const taken = new Set(Object.values(resources).flatMap(authoredTarget).flatMap(withFolders).map(fold))
  // Targets are given away in the authored order, so that a step added before an archive does not move it.
  for (const [key, resource] of Object.entries(resources)) {
    const name = names.get(key) ?? key
    const place = { definition, field: `resources.${key}` }
    const result = planOne(key, name, resource, resources, place, names, surroundings, {
      only: archives === 1,
      isTaken: (folder) => taken.has(fold(folder)),
    })
    if ("target" in result) taken.add(fold(result.target))
    planned.set(key, result)
  }
  checkTargets(
    definition,
    [...planned].flatMap(([key, resource]) => targetOf(key, resource)),
  )
  return order.flatMap((key) => planned.get(key) ?? [])
}

function planOne(
  key: string,
  name: string,
  resource: Resource,
  resources: Resources,
  place: Place,
  names: ReadonlyMap<string, string>,
  surroundings: PlanSurroundings,
  archive: { only: boolean; isTaken: (folder: string) => boolean },
): PlannedResource {
  switch (resource.kind) {
    case "file":
      return planFile(resource, name, place)
    case "tar":
    case "zip":
      return planArchive(resource, name, place, archive.only, archive.isTaken)
    case "concat":
      return planConcat(resource, name, place)
    case "merge":
      return planMerge(resource, name, place)
    case "bucket":
      return planBucket(resource, name, place)
    case "wayback":
      return planWayback(resource, name, place, names, surroundings)
    case "links":
      return planLinks(resource, name, place, resources, (from) =>
        surroundings.reference(from, resources[from] as ReferenceResource),
      )
    case "linkfolder":
    case "linkfile":
      return planLink(resource, name, place)
    case "manual":
      return planManual(resource, name, place)
    case "datafolder":
      checkDatafolder(resource.folder, "folder", place)
      if (resource.path !== "") checkRelative(resource.path, "path", place)
      return { kind: "datafolder", name, folder: resource.folder, path: resource.path }
    case "reference":
      return { kind: "reference", name, ...surroundings.reference(key, resource) }
    case "step":
      return planStep(name, resource, place, names, surroundings)
    default:
      throw new DefinitionError(
        place.definition,
        place.field,
        `unknown kind of resource ${JSON.stringify((resource as { kind: unknown }).kind)}`,
      )
  }
}

function planStep(
  name: string,
  resource: StepResource,
  place: Place,
  names: ReadonlyMap<string, string>,
  surroundings: PlanSurroundings,
): PlannedStep {
  checkTarget(resource.name, "name", place)
  const from = [...new Set(resource.from)]
  return {
    kind: "step",
    name,
    from: from.map((key) => names.get(key) ?? key),
    inputs: Object.fromEntries(from.map((key) => [key, surroundings.input(key, names.get(key) ?? key)])),
    target: resource.name,
    transient: resource.transient,
    version: resource.version,
  }
}

function planWayback(
  resource: WaybackResource,
  name: string,
  place: Place,
  names: ReadonlyMap<string, string>,
  surroundings: PlanSurroundings,
): PlannedWayback {
  checkTarget(resource.name, "name", place)
  const { timestamp, transient, from } = resource
  if (!/^\d{4,14}$/.test(timestamp)) throw fault(place, "timestamp", `${JSON.stringify(timestamp)} is no YYYYMMDD`)
  const reason = urlFault(resource.host)
  if (reason !== undefined) throw fault(place, "host", reason)
  const input = names.get(from) ?? from
  return {
    kind: "wayback",
    name,
    from: [input],
    input: surroundings.input(from, input),
    timestamp,
    host: resource.host.replace(/\/+$/, ""),
    target: resource.name,
    transient,
  }
}

function nameResources(definition: string, resources: Resources): Map<string, string> {
  const keyOf = new Map<string, string>()
  const names = new Map<string, string>()
  for (const [key, resource] of Object.entries(resources)) {
    const field = `resources.${key}`
    if (!isFieldName(key)) {
      throw new DefinitionError(
        definition,
        field,
        "a resource's name is made of letters, digits, _, - and . after a letter",
      )
    }
    const noResource = resourceFault(resource)
    if (noResource !== undefined) throw new DefinitionError(definition, field, noResource)
    const name = stateName(key)
    const other = keyOf.get(name)
    if (other !== undefined)
      throw new DefinitionError(definition, field, `it and resources.${other} are both named "${name}"`)
    keyOf.set(name, key)
    names.set(key, name)
  }
  return names
}

/** Places that an author chose: archives that choose their own keep clear of them. */
function authoredTarget(resource: Resource): string[] {
  if ("name" in resource) return resource.name === undefined ? [] : [resource.name]
  if ("into" in resource) return resource.into === undefined ? [] : [resource.into]
  return []
}

/** A path and each folder on the way to it. */
function withFolders(path: string): string[] {
  const parts = path.split("/")
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"))
}

function targetOf(key: string, resource: PlannedResource): Target[] {
  if (!("target" in resource)) return []
  const target = { key, path: resource.target, closed: resource.target !== "" }
  if (resource.kind !== "manual" || resource.deposit === resource.target) return [target]
  return [target, { key, path: resource.deposit, closed: true }]
}
