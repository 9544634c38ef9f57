import {
  belongsToAxis,
  formatAxisValue,
  readAxisValue,
  type AnyDefinition,
  type Axes,
  type Axis,
  type AxisValue,
} from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { nearNames } from "../near/near-names.ts"
import type { VariantItem } from "./selector.ts"

/** A value for each axis. */
export type Selection = Readonly<Record<string, AxisValue>>

type Varied = Pick<AnyDefinition, "id" | "axes">

/**
 * The values that a person typed, as the axes understand them: `null`, `true`, `false` and numbers are such
 * unless the axis only has strings.
 *
 * @throws DatamaestroError UNKNOWN_VARIANT
 */
export function readVariant(definition: Varied, items: readonly VariantItem[]): Selection {
  const values = items.map(({ axis, text, quoted }) => {
    const value = readAxisValue(text, quoted, axisOf(definition, axis))
    if (value === undefined) throw outside(definition, axis, quoted ? JSON.stringify(text) : text)
    return [axis, value] as const
  })
  return Object.fromEntries(values)
}

/**
 * Adds the defaults to what was selected, and checks it.
 *
 * @throws DatamaestroError UNKNOWN_VARIANT: an unknown axis, a value outside its domain, an axis that is missing
 */
export function completeSelection(definition: Varied, given: Readonly<Record<string, unknown>>): Selection {
  for (const [name, value] of Object.entries(given)) {
    if (!belongsToAxis(value, axisOf(definition, name)))
      throw outside(definition, name, JSON.stringify(value) ?? String(value))
  }
  const values = Object.entries(definition.axes).map(([name, axis]) => {
    const value = Object.hasOwn(given, name) ? (given[name] as AxisValue) : axis.default
    if (value === undefined) throw missing(definition, name, axis)
    return [name, value === 0 ? 0 : value] as const
  })
  return Object.fromEntries(values)
}

/** What completes a selection for showing: the first value of each axis that was left out and has no default. */
export function exampleSelection(
  definition: Varied,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const example: Record<string, unknown> = { ...given }
  for (const [name, axis] of Object.entries(definition.axes)) {
    if (Object.hasOwn(given, name) || axis.hasDefault) continue
    example[name] = axis.domain?.[0] ?? { string: "", integer: 1, number: 1, boolean: true }[axis.type ?? "string"]
  }
  return example
}

/**
 * The variant as it stands in the id: `[corpus=6B,dim=50]`, axes in alphabetical order, or `""`. Two selections
 * that differ in an axis of the id never give the same.
 */
export function variantSuffix(axes: Axes, selection: Selection): string {
  const items = Object.entries(axes)
    .filter(([name, axis]) => axis.inId && !(axis.elideDefault && selection[name] === axis.default))
    .map(([name, axis]) => [name, formatAxisValue(selection[name] ?? null, axis)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return items.length === 0 ? "" : `[${items.map(([name, value]) => `${name}=${value}`).join(",")}]`
}

function axisOf(definition: Varied, name: string): Axis {
  const axis = Object.hasOwn(definition.axes, name) ? definition.axes[name] : undefined
  if (axis !== undefined) return axis
  const known = Object.keys(definition.axes)
  throw new DatamaestroError(
    "UNKNOWN_VARIANT",
    `Cannot select "${name}" of dataset "${definition.id}": it has no such axis`,
    {
      hint:
        known.length === 0 ? "this dataset has no variants" : `${meant(name, known)}its axes are: ${known.join(", ")}`,
      details: { dataset: definition.id, axis: name, axes: known },
    },
  )
}

function outside(definition: Varied, name: string, shown: string): DatamaestroError {
  const axis = axisOf(definition, name)
  return new DatamaestroError(
    "UNKNOWN_VARIANT",
    `Cannot select ${name}=${shown} of dataset "${definition.id}": it is not ${domainOf(axis)}`,
    {
      hint: `${meant(shown, domainTexts(axis))}choose for "${name}" ${domainOf(axis)}`,
      details: { dataset: definition.id, axis: name, ...(axis.domain === undefined ? {} : { domain: axis.domain }) },
    },
  )
}

function missing(definition: Varied, name: string, axis: Axis): DatamaestroError {
  const example = axis.domain?.[0] === undefined ? "…" : formatAxisValue(axis.domain[0], axis)
  return new DatamaestroError(
    "UNKNOWN_VARIANT",
    `Cannot use dataset "${definition.id}": axis "${name}" has no default and was not selected`,
    {
      hint: `choose ${domainOf(axis)}: ${definition.id}[${name}=${example}]`,
      details: { dataset: definition.id, axis: name, ...(axis.domain === undefined ? {} : { domain: axis.domain }) },
    },
  )
}

/** The closest match, as the beginning of a hint. */
function meant(typed: string, known: readonly string[]): string {
  const [nearest] = nearNames(typed, known, { limit: 1 })
  return nearest === undefined ? "" : `did you mean ${nearest}? `
}

function domainTexts(axis: Axis): string[] {
  return (axis.domain ?? []).map((value) => formatAxisValue(value, axis))
}

function domainOf(axis: Axis): string {
  if (axis.domain !== undefined) return `one of ${domainTexts(axis).join(", ")}`
  if (axis.type === "boolean") return axis.default === null ? "true, false or null" : "true or false"
  return `${axis.type === "integer" ? "an" : "a"} ${axis.type ?? "string"}${axis.default === null ? " or null" : ""}`
}
