import { AXIS, FORMAT_VERSION } from "./brands.ts"
import { checkFields } from "./check-given.ts"
import { FLAG } from "./kinds.ts"

export type AxisValue = string | number | boolean | null

/** The values of an open axis. */
export interface OpenTypes {
  string: string
  integer: number
  number: number
  boolean: boolean
}
export type OpenType = keyof OpenTypes

/** One dimension along which a dataset varies; `D`: it has a default, so a selection may leave it out. */
export interface Axis<V extends AxisValue = AxisValue, D extends boolean = boolean> {
  readonly [AXIS]: number
  /** The values it can have; undefined: any of `type`, and the default. */
  readonly domain: readonly V[] | undefined
  readonly type: OpenType | undefined
  readonly default: V | undefined
  readonly hasDefault: D
  readonly inId: boolean
  readonly elideDefault: boolean
}

export interface AxisOptions {
  /** `false`: never part of the id nor of the folder, for what changes only how data is read. Default `true`. */
  inId?: boolean
  /** `true`: left out of the id at its default, so that a later axis keeps the ids there were. Default `false`. */
  elideDefault?: boolean
}

/**
 * An axis: its domain, or `"string"`, `"integer"`, `"number"`, `"boolean"` for any value of that type.
 * `axis(["6B", "42B"], { default: "6B" })`
 */
export function axis<const V extends AxisValue>(
  domain: readonly V[],
  options: AxisOptions & { default: NoInfer<V> },
): Axis<V, true>
export function axis<const V extends AxisValue>(domain: readonly V[], options?: AxisOptions): Axis<V, false>
export function axis<T extends OpenType, const N extends OpenTypes[T] | null>(
  type: T,
  options: AxisOptions & { default: N },
): Axis<OpenTypes[T] | N, true>
export function axis<T extends OpenType>(type: T, options?: AxisOptions): Axis<OpenTypes[T], false>
export function axis(
  domain: readonly AxisValue[] | OpenType,
  options: AxisOptions & { default?: AxisValue } = {},
): Axis {
  checkFields("", "axis", options, { default: true, inId: FLAG, elideDefault: FLAG })
  return {
    [AXIS]: FORMAT_VERSION,
    domain: typeof domain === "string" ? undefined : domain,
    type: typeof domain === "string" ? domain : undefined,
    default: options.default,
    hasDefault: options.default !== undefined,
    inId: options.inId ?? true,
    elideDefault: options.elideDefault ?? false,
  }
}

export type Axes = { readonly [name: string]: Axis }

/** The axes of a dataset that has none. */
export type NoAxes = { readonly [name in never]: Axis }

type ValueOf<X> = X extends Axis<infer V> ? V : never
type Defaulted<A extends Axes> = { [K in keyof A]: A[K] extends Axis<AxisValue, true> ? K : never }[keyof A]

/** A value for each axis, as `resources` and `describe` are given them. */
export type Selected<A extends Axes> = { readonly [K in keyof A]: ValueOf<A[K]> }

/** What a user must or may say: each axis, save that those with a default can be left out. */
export type SelectionOfAxes<A extends Axes> = [keyof A] extends [never]
  ? { readonly [name: string]: never }
  : { readonly [K in Exclude<keyof A, Defaulted<A>>]: ValueOf<A[K]> } & {
      readonly [K in Defaulted<A>]?: ValueOf<A[K]>
    }

/** Why an axis makes no sense, or undefined when it does. */
export function axisFault(value: Axis): string | undefined {
  const { domain, type } = value
  if (type !== undefined) {
    if (!["string", "integer", "number", "boolean"].includes(type)) return `unknown type ${JSON.stringify(type)}`
    if (value.hasDefault && value.default !== null && !fitsType(value.default, type)) {
      return `the default ${JSON.stringify(value.default)} is no ${type}`
    }
    return undefined
  }
  if (!Array.isArray(domain) || domain.length === 0) return "the domain is empty"
  if (domain.some((item) => !isAxisValue(item)))
    return "the domain has a value that is no string, number, boolean or null"
  if (new Set(domain).size !== domain.length) return "the domain has a value twice"
  if (value.hasDefault && !domain.some((item) => item === value.default)) {
    return `the default ${JSON.stringify(value.default)} is outside the domain ${JSON.stringify(domain)}`
  }
  return undefined
}

/** Whether a value can be that of an open axis of this type. */
export function fitsType(value: unknown, type: OpenType): boolean {
  if (type === "integer") return Number.isSafeInteger(value)
  if (type === "number") return Number.isFinite(value)
  return typeof value === type
}

function isAxisValue(value: unknown): value is AxisValue {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)
}
