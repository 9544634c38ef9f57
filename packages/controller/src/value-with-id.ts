import type { Result } from "@datamaestro/protocol"

/** An object names its dataset, so that results of several ids can be told apart; else it is the value itself. */
export function valueWithId({ id, value }: Pick<Result<"datasets/prepare">, "id" | "value">): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || "id" in value) return value
  return { ...value, id }
}
