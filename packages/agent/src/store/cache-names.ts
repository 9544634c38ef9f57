import { readdir } from "node:fs/promises"
import { sharedRun } from "../concurrency/shared-run.ts"

/** The names of the files in the cache's folder. Of many entries each look takes its time: those who ask at once share one. */
export class CacheNames {
  #names: ReadonlyMap<string, string[]> = new Map()
  /** When these were read, on `performance`'s clock. */
  #read = -Infinity
  readonly #look: () => Promise<void>

  constructor(folder: string) {
    this.#look = sharedRun(async () => {
      const begun = performance.now()
      this.#names = byKey(await readdir(folder))
      this.#read = begun
    })
  }

  /** Those that are a key's: now, or so many milliseconds ago at most. */
  async of(key: string, age = 0): Promise<readonly string[]> {
    if (performance.now() - this.#read >= age) await this.#look()
    return this.#names.get(key) ?? []
  }
}

/** Once for all: of thousands each would go through the names of all. */
function byKey(names: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const name of names) {
    const [key = ""] = name.split(".", 1)
    const its = found.get(key)
    if (its === undefined) found.set(key, [name])
    else its.push(name)
  }
  return found
}
