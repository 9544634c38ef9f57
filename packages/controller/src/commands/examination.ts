import { asDatamaestroError, type DatamaestroError } from "@datamaestro/protocol"
import type { Prompter } from "../transport/prompter.ts"

/** One step of `doctor`. */
export interface ExaminedStep {
  step: string
  state: "ok" | "warning" | "failed" | "skipped"
  /** What was found, or why it failed. */
  found: string
  milliseconds?: number
  /** What to do about it. */
  next?: string
  /** The error's code, where it failed. */
  code?: string
}

/** Steps one after the other; after one that failed, those that need it are skipped. */
export class Examination {
  readonly steps: ExaminedStep[] = []
  readonly #names: readonly string[]
  #since = performance.now()
  #failure: DatamaestroError | undefined

  /** @param names of all steps, in order */
  constructor(names: readonly string[]) {
    this.#names = names
  }

  /** The first failure. */
  get failure(): DatamaestroError | undefined {
    return this.#failure
  }

  reached(step: string): boolean {
    return this.steps.some((each) => each.step === step)
  }

  /** What the person takes to answer is no step's time. */
  withoutAnswers(prompter: Prompter): Prompter {
    return {
      get available() {
        return prompter.available
      },
      ask: async (question) => {
        const asked = performance.now()
        try {
          return await prompter.ask(question)
        } finally {
          this.#since += performance.now() - asked
        }
      },
    }
  }

  /**
   * A step is done that began when the one before was.
   *
   * @param end when it ended, as `performance.now()`; by default now
   */
  passed(step: string, found: string, next?: string, end?: number): void {
    const state = next === undefined ? "ok" : "warning"
    this.#add({ step, state, found, milliseconds: this.#lap(end), ...(next === undefined ? {} : { next }) })
  }

  /** A step has failed; by default the first that was not yet done. */
  failed(thrown: unknown, step: string = this.#names[this.steps.length] ?? "", end?: number): void {
    const error = asDatamaestroError(thrown)
    const { message, hint, code } = error
    const next = hint === undefined ? {} : { next: hint }
    this.#add({ step, state: "failed", found: message, milliseconds: this.#lap(end), ...next, code })
    // Only now: what was passed over before had nothing to do.
    this.#failure ??= error
  }

  /** Nothing more can be found out. */
  end(): ExaminedStep[] {
    this.#skipTo(undefined, "not reached")
    return this.steps
  }

  #add(step: ExaminedStep): void {
    this.#skipTo(step.step, "nothing to do")
    this.steps.push(step)
  }

  #skipTo(step: string | undefined, found: string): void {
    const done = this.steps.length
    const to = step === undefined ? this.#names.length : this.#names.indexOf(step)
    for (const name of this.#names.slice(done, Math.max(done, to))) {
      this.steps.push({ step: name, state: "skipped", found: this.#failure === undefined ? found : "not reached" })
    }
  }

  #lap(end = performance.now()): number {
    const lap = end - this.#since
    this.#since = end
    return Math.round(lap)
  }
}
