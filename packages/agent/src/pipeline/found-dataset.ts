import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import type { PathReference, Plan, PlannedValue } from "@datamaestro/dataset"
import type { Paths } from "@datamaestro/protocol"
import { FEW_ENTRIES } from "../place/free-places.ts"
import { exists } from "../store/exists.ts"
import { datasetFolder, type Datafolders } from "../store/layout.ts"
import { Manifest, type ManifestRecord } from "../store/manifest.ts"
import { Places } from "../store/places.ts"
import { DatasetState } from "../store/state.ts"
import { hasOtherSum } from "./declared-sums.ts"
import { FormerRecords } from "./former-records.ts"
import { linkPlace } from "./link-place.ts"
import { shapeOf } from "./shape-of.ts"
import { isDataLink, isStored, type StoredResource } from "./stored-resource.ts"

/** No resource's. */
const NO_SHAPE = ""

/** What the disk says about one dataset: its state, its manifest, and whether the files are there. */
export class FoundDataset {
  readonly plan: Plan
  readonly folder: string
  readonly state: DatasetState
  readonly manifest: Manifest
  /** The resources that have files in the folder. */
  readonly stored: readonly StoredResource[]
  readonly #data: string
  readonly #datafolders: Datafolders | undefined
  #former: FormerRecords | undefined
  #places: Places | undefined
  #dependents: Map<string, StoredResource[]> | undefined
  #promised: Map<string, string[][]> | undefined

  private constructor(
    plan: Plan,
    paths: Paths,
    state: DatasetState,
    manifest: Manifest,
    datafolders: Datafolders | undefined,
  ) {
    this.plan = plan
    this.folder = datasetFolder(paths, plan)
    this.state = state
    this.manifest = manifest
    this.stored = plan.resources.filter(isStored)
    this.#data = paths.data
    this.#datafolders = datafolders
  }

  /**
   * @param datafolders where given, a link to one that has moved is not whole
   * @throws DatamaestroError MALFORMED_SETTINGS for a damaged state or manifest
   */
  static async read(paths: Paths, plan: Plan, datafolders?: Datafolders): Promise<FoundDataset> {
    const folder = datasetFolder(paths, plan)
    const [state, manifest] = await Promise.all([DatasetState.read(folder), Manifest.read(folder)])
    return new FoundDataset(plan, paths, state, manifest, datafolders)
  }

  /** Everything that is needed is complete, recorded, and there. */
  async isPresent(): Promise<boolean> {
    for (const resource of this.stored) {
      if (!(await this.isWhole(resource)) && (await this.isNeeded(resource))) return false
    }
    return true
  }

  /** By the state, which may be Python's; what is recorded has the wanted shape, and its entries exist. */
  async isComplete(resource: StoredResource): Promise<boolean> {
    if (this.state.of(resource.name) !== "complete" || this.isOutdated(resource)) return false
    const entries = this.manifest.record(resource.name)?.entries ?? [resource.target]
    return (await this.entriesExist(entries)) && (await this.linksLead(resource))
  }

  /** An older definition made what is recorded. */
  isOutdated(resource: StoredResource): boolean {
    const record = this.manifest.record(resource.name)
    if (record === undefined) return false
    return (record.shape !== undefined && record.shape !== shapeOf(resource)) || hasOtherSum(resource, record)
  }

  /** Complete by the state, recorded in the manifest, of the wanted shape, and its entries exist. */
  async isWhole(resource: StoredResource): Promise<boolean> {
    const recorded = this.manifest.record(resource.name) !== undefined && this.leadsToItsPlace(resource)
    return recorded && (await this.isComplete(resource))
  }

  /** Whether what a resource links to is still there; true for one that links to nothing. */
  async linksLead(resource: StoredResource): Promise<boolean> {
    const path = join(this.folder, ...("target" in resource ? resource.target.split("/") : []))
    const links =
      resource.kind === "links"
        ? Object.keys(resource.links).map((name) => join(path, name))
        : isDataLink(resource)
          ? [path]
          : []
    for (const link of links) {
      const found = await stat(link).catch(() => undefined)
      if (found === undefined) return false
    }
    return true
  }

  /** Whether a link of ours leads to a place that it may lead to by the settings, as far as those tell. */
  leadsToItsPlace(resource: StoredResource): boolean {
    if (!isDataLink(resource)) return true
    const source = this.manifest.record(resource.name)?.source
    if (source === undefined || this.#datafolders === undefined) return true
    const places = new Set(resource.places.map((place) => linkPlace(place, this.#data, this.#datafolders ?? {})))
    return places.has(undefined) || places.has(source)
  }

  /** A transient resource is not needed any more once all that is made from it is there: recorded, unless `isThere` tells. */
  async isNeeded(
    resource: StoredResource,
    isThere = (one: StoredResource): Promise<boolean> => this.isWhole(one),
  ): Promise<boolean> {
    if (!this.isRemovable(resource)) return true
    for (const dependent of this.dependents(resource)) {
      if (!(await isThere(dependent)) && (await this.isNeeded(dependent, isThere))) return true
    }
    return false
  }

  /** Transient, something is made from it, and the prepared value does not speak of it. */
  isRemovable(resource: StoredResource): boolean {
    if (!("transient" in resource) || !resource.transient) return false
    return this.dependents(resource).length > 0 && !this.promised(resource).length
  }

  dependents(resource: StoredResource): readonly StoredResource[] {
    this.#dependents ??= this.#findDependents()
    return this.#dependents.get(resource.name) ?? []
  }

  /** Has what is made of a resource be made anew, also by a later run. What it consists of stays known. */
  async outdateDependents(resource: StoredResource): Promise<void> {
    for (const { name } of this.dependents(resource)) {
      const record = this.manifest.record(name)
      if (record !== undefined) await this.manifest.set(name, { ...record, shape: NO_SHAPE })
    }
  }

  /** The places inside a resource that the prepared value names, as path parts. */
  promised(resource: StoredResource): readonly string[][] {
    this.#promised ??= this.#findPromised()
    return this.#promised.get(resource.name) ?? []
  }

  /** What is recorded of older definitions. */
  get former(): FormerRecords {
    const current = (): string[] => this.stored.filter((one) => !this.isOutdated(one)).map(({ name }) => name)
    this.#former ??= new FormerRecords(this.manifest, this.state, new Set(current()))
    return this.#former
  }

  /** Records in the manifest what a resource consists of, or forgets it. */
  async record(resource: StoredResource, record: ManifestRecord | undefined): Promise<void> {
    this.#places?.set(resource.name, placesOf(resource, record))
    this.#former?.renew(resource.name)
    await this.manifest.set(resource.name, record)
  }

  /** The name of another resource that has this entry, something in it, or what it is in. */
  takenBy(resource: StoredResource, entry: string): string | undefined {
    this.#places ??= this.#findPlaces()
    return this.#places.takenBy(resource.name, entry)
  }

  async entriesExist(entries: readonly string[]): Promise<boolean> {
    if (entries.length > FEW_ENTRIES) {
      const names = new Set(await readdir(this.folder).catch(() => []))
      return entries.every((entry) => names.has(entry.split("/")[0] ?? entry))
    }
    for (const entry of entries) if (!(await exists(join(this.folder, entry)))) return false
    return entries.length > 0
  }

  #findDependents(): Map<string, StoredResource[]> {
    const dependents = new Map<string, StoredResource[]>()
    for (const resource of this.stored) {
      if (resource.kind !== "step" && resource.kind !== "wayback") continue
      for (const name of new Set(resource.from)) append(dependents, name, resource)
    }
    return dependents
  }

  #findPromised(): Map<string, string[][]> {
    const { id, repository } = this.plan
    const promised = new Map<string, string[][]>()
    for (const { $path } of pathsIn(this.plan.value)) {
      if ($path.dataset === id && $path.repository === repository) append(promised, $path.resource, $path.segments)
    }
    return promised
  }

  #findPlaces(): Places {
    const places = new Places()
    for (const resource of this.stored) {
      places.set(
        resource.name,
        placesOf(resource, this.isOutdated(resource) ? undefined : this.manifest.record(resource.name)),
      )
    }
    return places
  }
}

/** Where a resource is and will be. The folder itself is nobody's alone. */
function placesOf({ target }: StoredResource, record: ManifestRecord | undefined): string[] {
  return [target, ...(record?.entries ?? [])].filter((place) => place !== "")
}

function append<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [item])
  else list.push(item)
}

function pathsIn(value: PlannedValue): PathReference[] {
  if (typeof value !== "object" || value === null) return []
  if (Array.isArray(value)) return value.flatMap(pathsIn)
  if ("$path" in value) return [value as PathReference]
  return Object.values(value as Record<string, PlannedValue>).flatMap(pathsIn)
}
