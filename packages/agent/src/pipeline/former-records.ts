import { pathsOf } from "../store/file-list.ts"
import type { Manifest, ManifestRecord } from "../store/manifest.ts"
import { foldersOf } from "../store/places.ts"
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

  /** @param current the resources that the definition would make as they are recorded */
  constructor(manifest: Manifest, state: DatasetState, current: ReadonlySet<string>) {
    this.#manifest = manifest
    this.#state = state
    this.#names = new Set(manifest.names().filter((name) => !current.has(name)))
  }

  /** The names under which there is anything. */
  names(): Iterable<string> {
    return this.#names
  }

  /** The names under which something is recorded at these entries of another resource, or in the folder that both fill. */
  at({ name: own, target }: Placed, entries: readonly string[]): string[] {
    if (this.#names.size === 0) return []
    const places = new Set(entries)
    const above = new Set(entries.flatMap(foldersOf))
    return [...this.#names].filter((name) => {
      const record = this.#manifest.record(name)
      if (name === own || record === undefined) return false
      if (target === "" && targetOf(record) === "") return true
      return record.entries.some((entry) => above.has(entry) || isWithin(entry, places))
    })
  }

  /** All files and links of them, as paths below the dataset's folder. */
  paths(): string[] {
    return [...this.#names].flatMap((name) => {
      const { entries = [], files = [], links = [] } = this.#manifest.record(name) ?? {}
      return [...entries, ...pathsOf(files), ...links]
    })
  }

  /** What is recorded of a resource is what the definition has now. */
  renew(name: string): void {
    this.#names.delete(name)
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
      await this.#state.set(name, left.length > 0 ? "partial" : "none")
      await this.#manifest.set(
        name,
        record === undefined || left.length === 0 ? undefined : { ...record, entries: left },
      )
    }
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
