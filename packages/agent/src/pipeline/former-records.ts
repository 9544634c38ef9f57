import { pathsOf } from "../store/file-list.ts"
import type { Manifest, ManifestRecord } from "../store/manifest.ts"
import { foldersOf, Places } from "../store/places.ts"
import type { DatasetState } from "../store/state.ts"

/** A resource's name and place, below the dataset's folder; "": the folder itself. */
interface Placed {
  readonly name: string
  readonly target: string
}

/**
 * What the manifest has of older definitions: of resources that there are no more, and of those that are made otherwise
 * by now. What is recorded there must not be taken for another resource's, nor stay in its place.
 */
export class FormerRecords {
  readonly #manifest: Manifest
  readonly #state: DatasetState
  readonly #names: Set<string>
  /** Where each has its entries. */
  readonly #places = new Places()
  /** Those that have the dataset's folder itself. */
  readonly #filling = new Set<string>()
  readonly #byShape = new Map<string, string[]>()
  /** All files and links of those that were asked for. */
  readonly #paths = new Map<string, ReadonlySet<string>>()

  /** @param current the resources that the definition would make as they are recorded */
  constructor(manifest: Manifest, state: DatasetState, current: ReadonlySet<string>) {
    this.#manifest = manifest
    this.#state = state
    this.#names = new Set(manifest.names().filter((name) => !current.has(name)))
    for (const name of this.#names) {
      const record = manifest.record(name)
      if (record === undefined) continue
      const { entries, shape } = record
      this.#places.set(name, entries)
      if (targetOf(record) === "") this.#filling.add(name)
      if (shape !== undefined) this.#byShape.set(shape, [...(this.#byShape.get(shape) ?? []), name])
    }
  }

  /** The names under which something of that shape is recorded. */
  ofShape(shape: string): string[] {
    return (this.#byShape.get(shape) ?? []).filter(
      (name) => this.#names.has(name) && this.#manifest.record(name)?.shape === shape,
    )
  }

  /** The names under which something is recorded at these entries of another resource, or in the folder that both fill. */
  at({ name: own, target }: Placed, entries: readonly string[]): string[] {
    if (this.#names.size === 0) return []
    const found = new Set(target === "" ? this.#filling : [])
    for (const entry of entries) for (const name of this.#places.holdersOf(entry)) found.add(name)
    found.delete(own)
    return [...found]
  }

  /** Whether one of them has a file or a link there: a path below the dataset's folder. */
  has(path: string): boolean {
    for (const name of this.#places.holdersOf(path)) if (this.#pathsOf(name).has(path)) return true
    return false
  }

  /** What is recorded of a resource is what the definition has now. */
  renew(name: string): void {
    if (this.#names.delete(name)) this.#forget(name)
  }

  /**
   * Has those that are `at` these entries lose what is recorded of them, before the entries become another's: whoever goes back to the
   * older definition must not find them complete.
   *
   * @param isOthers whether an entry is in the place of a third resource, which will come for it
   */
  async giveUp(resource: Placed, entries: readonly string[], isOthers: (entry: string) => boolean): Promise<void> {
    for (const name of this.at(resource, entries)) {
      const record = this.#manifest.record(name)
      const left = record?.entries.filter(isOthers) ?? []
      if (left.length === 0) this.#forget(name)
      else this.#places.set(name, left)
      // Not "none": what a kill leaves half replaced must not be adopted.
      await this.#state.set(name, "partial")
      await this.#manifest.set(
        name,
        record === undefined || left.length === 0 ? undefined : { ...record, entries: left },
      )
    }
  }

  #forget(name: string): void {
    this.#places.set(name, [])
    this.#filling.delete(name)
    this.#paths.delete(name)
  }

  #pathsOf(name: string): ReadonlySet<string> {
    const known = this.#paths.get(name)
    if (known !== undefined) return known
    const { entries = [], files = [], links = [] } = this.#manifest.record(name) ?? {}
    const paths = new Set([...entries, ...pathsOf(files), ...links])
    this.#paths.set(name, paths)
    return paths
  }
}

/** Whether an entry is one of these or lies in one. */
export function isWithin(entry: string, places: ReadonlySet<string>): boolean {
  return places.has(entry) || foldersOf(entry).some((folder) => places.has(folder))
}

/** The first thing that a shape tells, of whatever kind the resource is. */
function targetOf({ shape }: ManifestRecord): unknown {
  if (shape === undefined) return undefined
  try {
    const [target] = JSON.parse(shape) as unknown[]
    return target
  } catch {
    return undefined
  }
}
