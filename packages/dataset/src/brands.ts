/*
 * Marks on what authors make. They live in the global symbol registry, so that a plug-in which brings its own
 * copy of this package is understood. The value is the format's version.
 */

/** The format of definitions, resources and repositories that this copy of the package makes and reads. */
export const FORMAT_VERSION = 1

export const DEFINITION: unique symbol = Symbol.for("datamaestro.definition")
export const REPOSITORY: unique symbol = Symbol.for("datamaestro.repository")
export const RESOURCE: unique symbol = Symbol.for("datamaestro.resource")
export const AXIS: unique symbol = Symbol.for("datamaestro.axis")
export const PATH: unique symbol = Symbol.for("datamaestro.path")
export const TYPE: unique symbol = Symbol.for("datamaestro.type")
export const DEFINITION_ERROR: unique symbol = Symbol.for("datamaestro.definition-error")

/** The format version that a thing is marked with, or undefined when it is not marked. */
export function brandOf(thing: unknown, brand: symbol): number | undefined {
  if ((typeof thing !== "object" && typeof thing !== "function") || thing === null) return undefined
  const version = (thing as Record<symbol, unknown>)[brand]
  return typeof version === "number" ? version : undefined
}
