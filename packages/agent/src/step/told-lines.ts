import { formatBytes } from "@datamaestro/protocol"

/** How much is told whole, in characters. */
const WHOLE = 1_000_000
/** After that, how often the newest line is told, in milliseconds. */
const EVERY = 10_000
/** The last lines are told in any case: they say why a step failed. */
const LAST = 20

/** Bounds what a step prints, which goes over the connection and into the job's journal: that of a step in a loop would fill a disk. */
export class ToldLines {
  readonly #tell: (line: string) => void
  readonly #now: () => number
  #told = 0
  #toldAt = -Infinity
  #held: string[] = []
  #lines = 0
  #characters = 0

  constructor(tell: (line: string) => void, now: () => number = () => performance.now()) {
    this.#tell = tell
    this.#now = now
  }

  take(line: string): void {
    if (this.#told < WHOLE) {
      this.#told += line.length
      return this.#tell(line)
    }
    const now = this.#now()
    if (this.#toldAt === -Infinity) this.#toldAt = now
    this.#held.push(line)
    if (this.#held.length > LAST) this.#leaveOut(this.#held.shift() ?? "")
    if (now - this.#toldAt < EVERY) return
    this.#toldAt = now
    for (const left of this.#held.splice(0, this.#held.length - 1)) this.#leaveOut(left)
    this.end()
  }

  /** Tells what is held, and how much was not. */
  end(): void {
    if (this.#lines > 0) {
      const lines = this.#lines === 1 ? "1 line" : `${this.#lines} lines`
      this.#tell(
        `(${lines} of ${formatBytes(this.#characters)} left out: it has printed more than ${formatBytes(WHOLE)})`,
      )
    }
    for (const line of this.#held) this.#tell(line)
    this.#held = []
    this.#lines = this.#characters = 0
  }

  #leaveOut(line: string): void {
    this.#lines++
    this.#characters += line.length + 1
  }
}
