import { setTimeout as sleep } from "node:timers/promises"
import { lookAt, type SlurmLook } from "./look.ts"

/** What is asked within so many milliseconds is asked at once. */
const GATHER = 20
/** How long after it was asked for a job is asked about along with others, in milliseconds. */
const REMEMBER = 30_000

interface Known {
  at: number
  look: SlurmLook
}

/** Asks Slurm about many jobs by one call, whoever wants to know: its controller serves a whole cluster. */
export class SharedLooks {
  readonly #lookAt: (ids: readonly string[]) => Promise<Map<string, SlurmLook>>
  readonly #wanted = new Map<string, number>()
  readonly #known = new Map<string, Known>()
  #next: Promise<void> | undefined

  constructor(ask: (ids: readonly string[]) => Promise<Map<string, SlurmLook>> = lookAt) {
    this.#lookAt = ask
  }

  /**
   * @param id Slurm's number of a job
   * @param age how old the answer may be, in milliseconds
   */
  async look(id: string, age: number): Promise<SlurmLook> {
    const known = this.#known.get(id)
    if (known !== undefined && performance.now() - known.at <= age) return known.look
    this.#wanted.set(id, performance.now())
    this.#next ??= this.#ask()
    await this.#next
    return this.#known.get(id)?.look ?? { kind: "forgotten" }
  }

  async #ask(): Promise<void> {
    await sleep(GATHER)
    this.#next = undefined
    const now = performance.now()
    for (const [id, at] of this.#wanted) if (now - at > REMEMBER) this.#forget(id)
    const looks = await this.#lookAt([...this.#wanted.keys()])
    for (const [id, look] of looks) {
      this.#known.set(id, { at: performance.now(), look })
      // Its end costs more than one program to find out, and is asked for once.
      if (look.kind === "ended" || look.kind === "forgotten") this.#wanted.delete(id)
    }
  }

  #forget(id: string): void {
    this.#wanted.delete(id)
    this.#known.delete(id)
  }
}

/** Those of this process. */
export const sharedLooks = new SharedLooks()
