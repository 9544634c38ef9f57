import { formatAxisValue } from "@datamaestro/dataset"
import type { ResolvedDataset } from "./resolve-dataset.ts"

/** A variant as it is typed, with every axis, also those outside the id. */
export function selectorOf({ definition, selection }: Pick<ResolvedDataset, "definition" | "selection">): string {
  const items = Object.entries(definition.axes).map(
    ([name, axis]) => `${name}=${formatAxisValue(selection[name] ?? null, axis)}`,
  )
  return items.length === 0 ? definition.id : `${definition.id}[${items.sort().join(",")}]`
}
