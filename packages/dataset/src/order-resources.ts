import { DefinitionError } from "./definition-error.ts"
import type { Resources } from "./resource.ts"

/**
 * The keys in an order in which each comes after what it needs, otherwise as written.
 *
 * @throws DefinitionError when a step reads what does not exist, or its own output by a detour
 */
export function orderResources(definition: string, resources: Resources): string[] {
  const order: string[] = []
  const done = new Set<string>()
  const visit = (key: string, trail: readonly string[]): void => {
    if (done.has(key)) return
    if (trail.includes(key)) {
      const cycle = [...trail.slice(trail.indexOf(key)), key].join(" -> ")
      throw new DefinitionError(definition, `resources.${key}.from`, `steps need each other in a cycle: ${cycle}`)
    }
    const resource = resources[key]
    if (resource?.kind === "step" || resource?.kind === "wayback") {
      for (const input of typeof resource.from === "string" ? [resource.from] : resource.from) {
        if (!Object.hasOwn(resources, input)) {
          const known = Object.keys(resources).filter((name) => name !== key)
          throw new DefinitionError(
            definition,
            `resources.${key}.from`,
            `there is no resource ${JSON.stringify(input)}: there are ${known.map((name) => `"${name}"`).join(", ") || "no others"}`,
          )
        }
        visit(input, [...trail, key])
      }
    }
    done.add(key)
    order.push(key)
  }
  for (const key of Object.keys(resources)) visit(key, [])
  return order
}
