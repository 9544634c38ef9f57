import { TYPE } from "./brands.ts"
import { checkArgument } from "./check-given.ts"
import { NAME, OBJECT } from "./kinds.ts"
import type { SymbolicPath } from "./path.ts"

/** What `describe` may return: JSON with symbolic paths in it. */
export type Described = string | number | boolean | null | SymbolicPath | readonly Described[] | DescribedObject
export type DescribedObject = { readonly [name: string]: Described }

/**
 * A value of a data type of one's own: fields, marked with the type's name, which only the xpm encoder writes and
 * `search type:` finds. `typed("Audio", { path: sound, rate: 16000 })`
 */
export function typed<F extends DescribedObject>(type: string, fields: F): F {
  checkArgument("typed", "type", type, NAME)
  checkArgument("typed", "fields", fields, OBJECT)
  // The mark is no part of the type: the declarations of authors' packages could not name it.
  return Object.defineProperty({ ...fields }, TYPE, { value: type, enumerable: false })
}

/** The data type's name that an object is marked with. */
export function typeOf(value: object): string | undefined {
  const type = (value as { readonly [TYPE]?: unknown })[TYPE]
  return typeof type === "string" ? type : undefined
}

/** What a value is once it is prepared: a path has become a string. */
export type PreparedValue<V> = V extends SymbolicPath
  ? string
  : V extends string | number | boolean | null
    ? V
    : V extends readonly (infer E)[]
      ? PreparedValue<E>[]
      : { [K in keyof V as K extends string ? K : never]: PreparedValue<V[K]> }
