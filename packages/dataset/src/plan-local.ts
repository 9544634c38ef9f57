import { DATAFOLDER_KEY_RULE, isDatafolderKey } from "./datafolder-key.ts"
import { sumFault } from "./integrity.ts"
import { OBJECT, shown } from "./kinds.ts"
import { checkRelative, checkTarget, fault, planIntegrity, type Place } from "./plan-download.ts"
import type { LinkPlace, PlannedLink, PlannedLinks, PlannedManual } from "./plan.ts"
import type { LinkResource, LinksResource, ManualResource, Resources } from "./resource.ts"

const ARCHIVES: ReadonlySet<unknown> = new Set(["tar", "zip"])

/** @param reference what the reference of a key leads to */
export function planLinks(
  resource: LinksResource,
  name: string,
  place: Place,
  resources: Resources,
  reference: (key: string) => { id: string; repository: string },
): PlannedLinks {
  const target = resource.name ?? name
  checkTarget(target, "name", place)
  if (resource.from.length === 0) throw fault(place, "from", "the list is empty: nothing would be linked")
  const entries = resource.from.map((key) => {
    if (!Object.hasOwn(resources, key) || resources[key]?.kind !== "reference") {
      throw fault(place, "from", `${JSON.stringify(key)} is no reference to a dataset`)
    }
    const { id, repository } = reference(key)
    return [key, { id, repository }] as const
  })
  return { kind: "links", name, target, links: Object.fromEntries(entries) }
}

export function planLink(resource: LinkResource, name: string, place: Place): PlannedLink {
  const target = resource.name ?? name
  checkTarget(target, "name", place)
  if (resource.places.length === 0) throw fault(place, "places", "there is no place to look for it")
  const { check } = resource
  if (check !== undefined) {
    const reason = (check.glob ?? "") === "" ? "its glob is empty" : sumFault({ algorithm: "md5", hex: check.md5 })
    if (reason !== undefined) throw fault(place, "check", reason)
  }
  return {
    kind: resource.kind,
    name,
    target,
    places: resource.places.map((one) => planPlace(one, place)),
    ...(check === undefined ? {} : { check: { glob: check.glob, md5: check.md5.toLowerCase() } }),
    integrity: planIntegrity(resource.integrity, "output", place),
  }
}

export function planManual(resource: ManualResource, name: string, place: Place): PlannedManual {
  const { page, unpack, instructions } = resource
  if (!URL.canParse(page) || !/^https?:$/.test(new URL(page).protocol)) {
    throw fault(place, "page", `${JSON.stringify(page)} is no http or https URL`)
  }
  if (unpack !== undefined && !ARCHIVES.has(unpack)) {
    throw fault(place, "unpack", `${JSON.stringify(unpack)} is neither "tar" nor "zip"`)
  }
  const deposit = resource.name ?? name
  checkTarget(deposit, "name", place)
  const target = unpack === undefined ? deposit : name
  if (unpack !== undefined && deposit === target) {
    throw fault(place, "name", "an archive to extract needs a file name of its own")
  }
  return {
    kind: "manual",
    name,
    page,
    ...(instructions === undefined ? {} : { instructions }),
    deposit,
    ...(unpack === undefined ? {} : { unpack }),
    target,
    integrity: planIntegrity(resource.integrity, unpack === undefined ? "output" : "download", place),
  }
}

export function checkDatafolder(key: string, field: string, place: Place): void {
  if (isDatafolderKey(key)) return
  throw fault(place, field, `${JSON.stringify(key)} is no data folder's key: ${DATAFOLDER_KEY_RULE}`)
}

function planPlace(one: LinkResource["places"][number], place: Place): LinkPlace {
  if (typeof one === "string") {
    if (!one.startsWith("/") && !one.startsWith("~/")) {
      throw fault(place, "places", `${JSON.stringify(one)} is neither absolute nor below "~/"`)
    }
    return { absolute: one }
  }
  if (!OBJECT.fits(one)) throw fault(place, "places", `${shown(one)} is no path, and no datafolderPath(…)`)
  checkDatafolder(one.folder, "places", place)
  if (one.path !== "") checkRelative(one.path, "places", place)
  return { folder: one.folder, path: one.path }
}
