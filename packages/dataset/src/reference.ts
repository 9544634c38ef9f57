import { brandOf, DEFINITION, FORMAT_VERSION, RESOURCE } from "./brands.ts"
import type { AnyDefinition, SelectionArguments } from "./definition.ts"
import { checkArgument, checkFields } from "./check-given.ts"
import { NAME, OBJECT } from "./kinds.ts"
import type { ReferenceResource, ReferenceTarget } from "./resource.ts"

/** Keeps a definition, which has an id too, from passing as one that is only named: its selection is checked. */
interface NoDefinition {
  readonly [DEFINITION]?: never
}

/**
 * Another dataset that this one is made from; it is prepared first.
 *
 * @param target its definition, a function that leads to it (so that it is loaded only when needed, or because two
 *   modules import each other), or its id where it can't be imported
 */
export function reference<D extends AnyDefinition>(
  target: D | (() => D | Promise<D>),
  ...selection: SelectionArguments<D>
): ReferenceResource<D>
export function reference(
  target: ReferenceTarget & NoDefinition,
  selection?: Readonly<Record<string, unknown>>,
): ReferenceResource
export function reference(
  target: AnyDefinition | (() => AnyDefinition | Promise<AnyDefinition>) | ReferenceTarget,
  selection: object = {},
): ReferenceResource {
  // What is neither is told when it is resolved, with the field that it stands in.
  const named: unknown = target
  if (typeof named === "object" && named !== null && brandOf(named, DEFINITION) === undefined) {
    checkFields("", "reference", named as ReferenceTarget, { id: true, repository: NAME })
  }
  checkArgument("reference", "selection", selection, OBJECT)
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "reference",
    target: typeof target === "function" ? target : () => target,
    selection: { ...selection },
  }
}
