import type { Axes, NoAxes, Selected, SelectionOfAxes } from "./axis.ts"
import { brandOf, DEFINITION, FORMAT_VERSION } from "./brands.ts"
import type { SymbolicPath } from "./path.ts"
import type { Agreement } from "./plan.ts"
import type { ReferenceResource, Resources } from "./resource.ts"
import type { DescribedObject, PreparedValue } from "./typed-value.ts"

/** What people read about a dataset. */
export interface DatasetFacts {
  /** Written out, dotted, most often a reversed host name first: `com.lecun.mnist`. */
  readonly id: string
  readonly name?: string
  readonly description?: string
  /** The dataset's home page. */
  readonly url?: string
  readonly tags?: readonly string[]
  readonly tasks?: readonly string[]
  readonly license?: string
  /** As the source states it: `"822M"`. */
  readonly size?: string
  readonly doi?: string
  /** Terms that the person must accept before anything is downloaded. */
  readonly agreement?: Agreement
  /** The contents change over time, so that the day of the download matters. */
  readonly timestamp?: boolean
  /** The data type's name; default: that of the described value. */
  readonly type?: string
}

/** A dataset as authored: facts, and how to get from a selection to resources and to a value. */
export interface Definition<
  R extends Resources = Resources,
  V extends DescribedObject = DescribedObject,
  A extends Axes = Axes,
> extends DatasetFacts {
  readonly [DEFINITION]: number
  readonly tags: readonly string[]
  readonly tasks: readonly string[]
  readonly timestamp: boolean
  readonly axes: A
  resources(selection: Selected<A>): R
  describe(resources: Symbols<R>, selection: Selected<A>): V
}

/** What a `reference` is inside `describe`. */
export interface SymbolicReference<V = DescribedObject, K extends string = string> {
  readonly id: string
  readonly repository: string
  /** The referenced dataset's whole prepared value. */
  readonly value: V
  /** Where its resources are; those that are references themselves are left out. */
  readonly resources: { readonly [key in K]: SymbolicPath }
  /** The path of a dataset that is one file or folder: its value's `path`. */
  readonly path: V extends { readonly path: SymbolicPath } ? SymbolicPath : never
}

/** A reference that is only named, so that nothing is known of it before it is resolved. */
export interface NamedReference extends SymbolicReference<DescribedObject & { readonly path: SymbolicPath }> {
  readonly value: DescribedObject & { readonly path: SymbolicPath }
}

type StoredKeys<R extends Resources> = {
  [K in keyof R & string]: R[K] extends ReferenceResource ? never : K
}[keyof R & string]

type SymbolOf<X> =
  X extends ReferenceResource<infer D>
    ? D extends Definition<infer R, infer V>
      ? SymbolicReference<V, StoredKeys<R>>
      : NamedReference
    : SymbolicPath

/** What `describe` is given for each resource. */
export type Symbols<R extends Resources> = { readonly [K in keyof R]: SymbolOf<R[K]> }

/** A dataset once it is prepared: `Prepared<typeof mnist>["train"]["images"]["path"]` is a string. */
export type Prepared<D> =
  D extends Definition<infer _R, infer V, infer _A> ? PreparedValue<V> & { readonly id: string } : never

/** What can be selected of a dataset: `SelectionOf<typeof glove>` is `{ dim: 50 | 100; corpus?: "6B" | "42B" }`. */
export type SelectionOf<D> = D extends { readonly axes: infer A extends Axes } ? SelectionOfAxes<A> : never

/** `[selection]`, or `[selection?]` when each axis has a default: the last parameters of what takes a definition. */
export type SelectionArguments<D> =
  NoAxes extends SelectionOf<D> ? [selection?: SelectionOf<D>] : [selection: SelectionOf<D>]

export type AnyDefinition = Definition

/** Whether it was made by `defineDataset`, of this copy of the package or of another one that speaks the same format. */
export function isDefinition(thing: unknown): thing is AnyDefinition {
  return brandOf(thing, DEFINITION) === FORMAT_VERSION
}
