import type { ThreadEntry } from "./threads/thread-source.ts"
import { RestPart, type PartModules, type RestPartOptions } from "./rest-part.ts"

/** What the build tells the first part of the agent's code. */
export interface Beginning {
  /** It is a program of its own: nobody runs it but Node. */
  alone: boolean
  /** As Node names it. */
  file: string
  /** Of the second part: SHA-256, lower-case hex. */
  restHash: string
  /** How many modules have run so far. */
  countLoaded(): number
  /** What the agent's threads start from: of both parts what they may use, once the second is loaded. */
  threadCode(entry: ThreadEntry): string
}

let beginning: Beginning | undefined
let rest: RestPart | undefined

export function setBeginning(told: Beginning): void {
  beginning = told
}

/** Says how the second part is had. Nothing where there is none: unbuilt, in tests. */
export function useRest(options: Omit<RestPartOptions, "hash">): RestPart | undefined {
  if (beginning === undefined) return undefined
  return (rest = new RestPart({ ...options, hash: beginning.restHash }))
}

/** Called by what the build puts around the modules, when one of the second part is wanted for the first time. */
export async function loadRest(): Promise<PartModules> {
  if (rest === undefined) throw new Error("the second part of the agent was wanted before the first had begun")
  return await rest.load()
}

/** How much of the agent has run: more than the last time, and V8's code is worth keeping again. */
export function countLoaded(): number {
  return beginning?.countLoaded() ?? 0
}
