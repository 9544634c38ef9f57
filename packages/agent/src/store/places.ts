/** Who has which places below a folder, so that each of thousands finds out at once whether its own are free. */
export class Places {
  readonly #of = new Map<string, readonly string[]>()
  /** By the place itself, and by each folder that it is in. */
  readonly #at = new Map<string, Set<string>>()
  readonly #below = new Map<string, Set<string>>()

  /** These, and no others any more, are `owner`'s: relative paths with forward slashes. */
  set(owner: string, places: readonly string[]): void {
    for (const place of this.#of.get(owner) ?? []) {
      this.#at.get(place)?.delete(owner)
      for (const folder of foldersOf(place)) this.#below.get(folder)?.delete(owner)
    }
    this.#of.set(owner, places)
    for (const place of places) {
      add(this.#at, place, owner)
      for (const folder of foldersOf(place)) add(this.#below, folder, owner)
    }
  }

  /** Another than `owner` that has this place, something in it, or what it is in. */
  takenBy(owner: string, place: string): string | undefined {
    for (const name of this.holdersOf(place)) if (name !== owner) return name
    return undefined
  }

  /** All that have this place, something in it, or what it is in; one may come more than once. */
  *holdersOf(place: string): Generator<string> {
    yield* this.#at.get(place) ?? []
    yield* this.#below.get(place) ?? []
    for (const folder of foldersOf(place)) yield* this.#at.get(folder) ?? []
  }
}

/** `a/b` and `a` of `a/b/c`. */
export function foldersOf(place: string): string[] {
  const folders: string[] = []
  for (let end = place.lastIndexOf("/"); end > 0; end = place.lastIndexOf("/", end - 1))
    folders.push(place.slice(0, end))
  return folders
}

function add(map: Map<string, Set<string>>, place: string, owner: string): void {
  const owners = map.get(place)
  if (owners === undefined) map.set(place, new Set([owner]))
  else owners.add(owner)
}
