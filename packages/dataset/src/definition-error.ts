import { brandOf, DEFINITION_ERROR, FORMAT_VERSION } from "./brands.ts"

/** A definition that makes no sense: which one, at which of its fields, and why. */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError"
  readonly [DEFINITION_ERROR] = FORMAT_VERSION
  /** The dataset's id, or `""` while it is not known. */
  readonly definition: string
  /** Dotted, e.g. `resources.trainImages.integrity`; `""` is the definition as a whole. */
  readonly field: string
  readonly reason: string

  constructor(definition: string, field: string, reason: string) {
    super(
      `Cannot define ${definition === "" ? "a dataset" : `dataset "${definition}"`}: ${field === "" ? "" : `${field}: `}${reason}`,
    )
    this.definition = definition
    this.field = field
    this.reason = reason
  }
}

/** Also true of an error thrown by another copy of this package. */
export function isDefinitionError(error: unknown): error is DefinitionError {
  return brandOf(error, DEFINITION_ERROR) !== undefined
}
