import type { AnyDefinition } from "@datamaestro/dataset"
import { exampleSelection } from "./variant.ts"

/** More are planned for no dataset: an author who has so many wants an open axis. */
const MOST_VARIANTS = 1000

export interface Variants {
  selections: Record<string, unknown>[]
  /** How many there are; more than were listed where there are too many. */
  total: number
}

/** Every variant of a dataset: all combinations of the axes' values, of an open axis its default or one that fits. */
export function allVariants(definition: Pick<AnyDefinition, "id" | "axes">): Variants {
  const example = exampleSelection(definition, {})
  const domains = Object.entries(definition.axes).map(
    ([name, axis]) => [name, axis.domain ?? [Object.hasOwn(example, name) ? example[name] : axis.default]] as const,
  )
  let selections: Record<string, unknown>[] = [{}]
  for (const [name, values] of domains) {
    selections = selections
      .flatMap((selection) => values.map((value) => ({ ...selection, [name]: value })))
      .slice(0, MOST_VARIANTS)
  }
  return { selections, total: domains.reduce((product, [, values]) => product * values.length, 1) }
}
