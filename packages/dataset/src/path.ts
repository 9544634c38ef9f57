import { PATH } from "./brands.ts"
import { DefinitionError } from "./definition-error.ts"
import type { PathReference } from "./plan.ts"
import { relativePathFault } from "./relative-path.ts"

/** Stands in `describe` for a file or folder that will exist once the dataset is prepared. */
export interface SymbolicPath {
  readonly [PATH]: PathReference["$path"]
  /**
   * A path below this one, the parts separated by `/`.
   *
   * @throws DefinitionError when a part is absolute or contains `..`
   */
  join(...segments: string[]): SymbolicPath
}

/** The symbol of a resource's output, or of a path below it. */
export function symbolicPath(reference: PathReference["$path"]): SymbolicPath {
  return Object.freeze({
    [PATH]: reference,
    join(...segments: string[]): SymbolicPath {
      const parts = segments.flatMap((segment) => {
        const fault = relativePathFault(segment)
        if (fault !== undefined) throw new DefinitionError(reference.dataset, "describe", `join: ${fault}`)
        return segment.split("/")
      })
      return symbolicPath({ ...reference, segments: [...reference.segments, ...parts] })
    },
    // `${path}/a.txt` would be "[object Object]/a.txt" without a word.
    [Symbol.toPrimitive](): never {
      throw new DefinitionError(reference.dataset, "describe", 'a path is no text yet: write path.join("a.txt")')
    },
  })
}

export function isSymbolicPath(thing: unknown): thing is SymbolicPath {
  return typeof thing === "object" && thing !== null && PATH in thing
}
