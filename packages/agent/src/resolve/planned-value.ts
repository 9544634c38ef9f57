import {
  DefinitionError,
  isSymbolicPath,
  PATH,
  symbolicPath,
  typed,
  typeOf,
  type Described,
  type DescribedObject,
  type PathReference,
  type PlannedValue,
  type TypedValue,
} from "@datamaestro/dataset"

/**
 * What `describe` returned, as the pure JSON of a plan.
 *
 * @throws DefinitionError naming the place of what is no JSON and no path
 */
export function toPlannedValue(definition: string, described: unknown): PlannedValue {
  if (typeof described !== "object" || described === null || Array.isArray(described) || isSymbolicPath(described)) {
    throw new DefinitionError(definition, "describe", "it must return an object, such as a data type or named parts")
  }
  if (Object.hasOwn(described, "id")) {
    throw new DefinitionError(definition, "describe.id", "the dataset's own id is printed under that name")
  }
  return convert(definition, described, "describe")
}

/** The symbolic value that a plan's was made from, for those who refer to it. */
export function toDescribed(value: PlannedValue): Described {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(toDescribed)
  if (isPathReference(value)) return symbolicPath(value.$path)
  if (isTypedValue(value)) return typed(value.$type, describedFields(value.fields))
  return describedFields(value)
}

function isPathReference(value: PlannedValue): value is PathReference {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "$path")
}

export function isTypedValue(value: PlannedValue): value is TypedValue {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "$type")
}

function describedFields(fields: { [name: string]: PlannedValue }): DescribedObject {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, toDescribed(field)]))
}

/** @param within what the value is a part of */
function convert(definition: string, value: unknown, place: string, within: readonly object[] = []): PlannedValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number" && Number.isFinite(value)) return value
  if (typeof value !== "object")
    throw new DefinitionError(
      definition,
      place,
      `${typeof value === "number" ? String(value) : typeof value} is neither JSON nor a path`,
    )
  if (isSymbolicPath(value)) return { $path: { ...value[PATH], segments: [...value[PATH].segments] } }
  if (within.includes(value)) throw new DefinitionError(definition, place, "it is a part of itself, without an end")
  const parts = [...within, value]
  if (Array.isArray(value)) return value.map((item, index) => convert(definition, item, `${place}.${index}`, parts))
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== Object.prototype && prototype !== null) {
    throw new DefinitionError(definition, place, `a ${prototype.constructor.name} is neither JSON nor a path`)
  }
  const fields = Object.entries(value).map(([name, field]) => {
    if (name.startsWith("$"))
      throw new DefinitionError(definition, `${place}.${name}`, "a field's name can't begin with \"$\"")
    return [name, convert(definition, field, `${place}.${name}`, parts)] as const
  })
  const type = typeOf(value)
  const path = Object.hasOwn(value, "path") ? (value as DescribedObject)["path"] : undefined
  // In JavaScript nothing else tells who writes textFile(source) of a reference.
  if (type !== undefined && typeof path === "object" && !isSymbolicPath(path)) {
    throw new DefinitionError(definition, `${place}.path`, "it is no path: a reference has its own in .path")
  }
  const plain = Object.fromEntries(fields)
  return type === undefined ? plain : { $type: type, fields: plain }
}
