import { DefinitionError } from "./definition-error.ts"

/** A place in the dataset's folder that a resource fills. */
export interface Target {
  /** The resource's key as authored. */
  key: string
  path: string
  /** Its contents are not known from the definition, so nothing else may go below it. */
  closed: boolean
}

/**
 * Checks that no two resources fill one place, and none fills a place inside what another one makes. Names that
 * differ only in case or Unicode form are one place on some file systems, so here they are everywhere.
 *
 * @throws DefinitionError
 */
export function checkTargets(definition: string, targets: readonly Target[]): void {
  const byPath = new Map<string, Target>()
  for (const target of targets) {
    const folded = fold(target.path)
    const other = byPath.get(folded)
    if (other !== undefined) throw clash(definition, target, other, `both fill ${placeName(target.path)}`)
    byPath.set(folded, target)
  }
  for (const target of targets) {
    const parts = fold(target.path).split("/")
    for (let length = parts.length - 1; length > 0; length--) {
      const other = byPath.get(parts.slice(0, length).join("/"))
      if (other?.closed === true) {
        throw clash(definition, target, other, `"${target.path}" would be inside "${other.path}"`)
      }
    }
  }
}

/** A path in the form in which two that are one place on some file system are equal. */
export function fold(path: string): string {
  return path.normalize("NFC").toLowerCase()
}

function clash(definition: string, target: Target, other: Target, reason: string): DefinitionError {
  return new DefinitionError(definition, `resources.${target.key}`, `it and resources.${other.key} clash: ${reason}`)
}

function placeName(path: string): string {
  return path === "" ? "the dataset's folder itself" : `"${path}"`
}
