import { readdir } from "node:fs/promises"

/** Beyond as many, one listing of the folder costs less than a look at each. */
export const FEW_ENTRIES = 16

/**
 * Of many places right in one folder, those where nothing can be: no entry has their name, nor one that some file system takes for it
 * (letter case, Unicode form). Of few places, and of those further below, nothing is said.
 */
export async function freePlaces(folder: string, places: readonly string[]): Promise<(place: string) => boolean> {
  if (places.length <= FEW_ENTRIES) return () => false
  const taken = new Set((await readdir(folder).catch(() => [])).map(folded))
  return (place) => !place.includes("/") && !taken.has(folded(place))
}

/** Rather one for two names that differ than two for what is the same somewhere: in upper case "ß" is "SS". */
function folded(name: string): string {
  return name.normalize("NFKD").toUpperCase()
}
