import type { CommandEvent } from "./reporter.ts"
import { sanitizeLine } from "./sanitize.ts"

/** Resources of a dataset that are told of one by one. */
const MOST = 100
const INTERVAL = 30_000

interface Seen {
  resources: number
  toldAt: number
}

/** Of a dataset with thousands of resources the first ones are told of, then every 30 s how many are there: else nobody could read it. */
export class Crowd {
  readonly #now: () => number
  /** By host and dataset; what is begun by verifying by itself. */
  readonly #seen = new Map<string, Seen>()

  /** @param now milliseconds since any moment */
  constructor(now: () => number) {
    this.#now = now
  }

  /** What is to be told in the place of what a resource begins, as `take` says it. */
  begin(event: CommandEvent, host: string | undefined): boolean | string {
    if (!("dataset" in event)) return true
    if ((this.#seen.get(keyOf(event.dataset, host))?.resources ?? 0) >= MOST) return false
    // Where files are only verified nothing tells of a resource's end.
    return event.phase !== "verify" || this.#count(event.dataset, `verify\0${keyOf(event.dataset, host)}`)
  }

  /** What is to be told in the place of an event: itself (`true`), nothing (`false`), or a text. */
  take(event: CommandEvent, host: string | undefined): boolean | string {
    if (event.phase === "dataset") return this.#ofDataset(event, host)
    return event.phase !== "resource" || this.#count(event.dataset, keyOf(event.dataset, host))
  }

  #count(dataset: string, key: string): boolean | string {
    const seen = this.#seen.get(key) ?? { resources: 0, toldAt: 0 }
    this.#seen.set(key, seen)
    seen.resources++
    const now = this.#now()
    if (seen.resources <= MOST) {
      seen.toldAt = now
      return true
    }
    if (now - seen.toldAt < INTERVAL) return false
    seen.toldAt = now
    return sanitizeLine(`${dataset}: ${seen.resources} resources so far`)
  }

  #ofDataset(event: CommandEvent & { phase: "dataset" }, host: string | undefined): boolean | string {
    if (event.state === "started") return true
    const key = keyOf(event.dataset, host)
    const { resources = 0 } = this.#seen.get(key) ?? {}
    this.#seen.delete(key)
    if (event.state !== "done" || resources <= MOST) return true
    return sanitizeLine(`${event.dataset}: done, ${resources} resources`)
  }
}

function keyOf(dataset: string, host: string | undefined): string {
  return `${host ?? ""}\0${dataset}`
}
