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
  /** By host and dataset. */
  readonly #seen = new Map<string, Seen>()

  /** @param now milliseconds since any moment */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether so many of the dataset's resources were told of that what one of them begins is not. */
  has(event: CommandEvent, host: string | undefined): boolean {
    return "dataset" in event && (this.#seen.get(keyOf(event.dataset, host))?.resources ?? 0) >= MOST
  }

  /** What is to be told in the place of an event: itself (`true`), nothing (`false`), or a text. */
  take(event: CommandEvent, host: string | undefined): boolean | string {
    if (event.phase === "dataset") return this.#ofDataset(event, host)
    if (event.phase !== "resource") return true
    const key = keyOf(event.dataset, host)
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
    return sanitizeLine(`${event.dataset}: ${seen.resources} resources so far`)
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
