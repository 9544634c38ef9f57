import { readdir } from "node:fs/promises"
import { sharedRun } from "../concurrency/shared-run.ts"

/** The names of the files in the cache's folder. Of many entries each look takes its time: those who ask at once share one. */
export class CacheNames {
  #names: readonly string[] = []
  /** When these were read, on `performance`'s clock. */
  #read = -Infinity
  readonly #look: () => Promise<void>

  constructor(folder: string) {
    this.#look = sharedRun(async () => {
      const begun = performance.now()
      this.#names = await readdir(folder)
      this.#read = begun
    })
  }

  /** Those that are a key's: now, or so many milliseconds ago at most. */
  async of(key: string, age = 0): Promise<string[]> {
    if (performance.now() - this.#read >= age) await this.#look()
    return this.#names.filter((name) => name.startsWith(`${key}.`))
  }
}
