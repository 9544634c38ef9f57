import { unrefTimer } from "./unref-timer.ts"

/** How long code of others may run before the person is told, in milliseconds; an agent that it doesn't hold up tells it before. */
const PATIENCE = 12_000

/** What the person is told of code of others, as `dataset "org.example.a" of the package "their-datasets"`. */
export function stillWaiting(code: string): string {
  return `Still waiting for ${code}: its code has not come to its end`
}

/** Knows which code of others an agent has begun: while that holds up the agent, nobody else can tell of it. */
export class LongCode {
  readonly #tell: (message: string) => void
  readonly #patience: number
  readonly #running = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(tell: (message: string) => void, patience = PATIENCE) {
    this.#tell = tell
    this.#patience = patience
  }

  get running(): string[] {
    return [...this.#running.keys()]
  }

  begin(code: string): void {
    this.end(code)
    const timer = setTimeout(() => this.#tell(stillWaiting(code)), this.#patience)
    unrefTimer(timer)
    this.#running.set(code, timer)
  }

  /** The agent itself has told the person. */
  told(message: string): void {
    for (const [code, timer] of this.#running) if (message === stillWaiting(code)) clearTimeout(timer)
  }

  end(code: string): void {
    clearTimeout(this.#running.get(code))
    this.#running.delete(code)
  }

  stop(): void {
    for (const code of this.#running.keys()) this.end(code)
  }
}
