import type { PathReference, Plan, PlannedValue } from "@datamaestro/dataset"
import type { Encoder } from "@datamaestro/protocol"

export interface EncodeOptions {
  /** `normal`: plain JSON with absolute paths; `xpm`: with data types, and paths as `{"$type": "path", "$value": …}`. */
  encoder: Encoder
  /** The absolute path that a reference stands for. */
  pathOf: (reference: PathReference) => string
}

/** A prepared dataset's value as it is printed, its `id` last. */
export function encodeValue(plan: Pick<Plan, "id" | "value">, options: EncodeOptions): unknown {
  const value = encode(plan.value, options)
  return { ...(value as Record<string, unknown>), id: plan.id }
}

function encode(value: PlannedValue, options: EncodeOptions): unknown {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => encode(item, options))
  if ("$path" in value) {
    const path = options.pathOf(value as PathReference)
    return options.encoder === "xpm" ? { $type: "path", $value: path } : path
  }
  if (!("$type" in value)) return encodeFields(value, options)
  const fields = encodeFields(value["fields"] as { [name: string]: PlannedValue }, options)
  return options.encoder === "xpm" ? { $type: value["$type"], ...fields } : fields
}

function encodeFields(fields: { [name: string]: PlannedValue }, options: EncodeOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, encode(field, options)]))
}
