import { fitsType, type Axis, type AxisValue } from "./axis.ts"
import type { AnyDefinition, SelectionArguments } from "./definition.ts"

/** Whether an axis can have this value. */
export function belongsToAxis(value: unknown, axis: Axis): boolean {
  if (axis.domain !== undefined) return axis.domain.some((item) => item === value)
  if (value === null) return axis.default === null
  return axis.type !== undefined && fitsType(value, axis.type)
}

/**
 * The axis's value that a text means, or undefined when it has none such: `null`, `true`, `false` and numbers
 * are such, unless they are in quotes or the axis only has the string.
 */
export function readAxisValue(text: string, quoted: boolean, axis: Axis): AxisValue | undefined {
  const candidates: AxisValue[] = quoted ? [text] : [literal(text), text]
  return candidates.find((candidate) => belongsToAxis(candidate, axis))
}

/** The shortest text that the axis reads back as this value: in quotes only where it would be taken for something else. */
export function formatAxisValue(value: AxisValue, axis: Axis): string {
  const bare = String(value)
  const plain = !/[,[\]"\p{Cc}]/u.test(bare) && bare.trim() === bare
  return plain && readAxisValue(bare, false, axis) === value ? bare : JSON.stringify(value)
}

/** What to ask an agent for, that only knows ids: `org.example.words[dim=50]`. Axes that are left out get their defaults there. */
export function selectorOf<D extends AnyDefinition>(definition: D, ...selection: SelectionArguments<D>): string {
  const given: Readonly<Record<string, AxisValue | undefined>> = selection[0] ?? {}
  const items = Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined) return []
    const axis = Object.hasOwn(definition.axes, name) ? definition.axes[name] : undefined
    return [`${name}=${axis === undefined ? JSON.stringify(value) : formatAxisValue(value, axis)}`]
  })
  return items.length === 0 ? definition.id : `${definition.id}[${items.sort().join(",")}]`
}

function literal(text: string): AxisValue {
  if (text === "null") return null
  if (text === "true") return true
  if (text === "false") return false
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return text
  const number = Number(text)
  if (!Number.isFinite(number)) return text
  return number === 0 ? 0 : number
}
