import type { Worker } from "node:worker_threads"

/** A thread that is started before it is wanted, one at most; while it waits it keeps no process alive. */
export class ThreadAhead<T extends { thread: Worker }> {
  readonly #start: () => T | undefined
  #waiting: T | undefined

  /** @param start gives nothing where there can be no such thread */
  constructor(start: () => T | undefined) {
    this.#start = start
  }

  /** Starts it, if none waits yet. */
  expect(): void {
    if (this.#waiting !== undefined) return
    const started = this.#start()
    if (started === undefined) return
    this.#waiting = started
    started.thread.unref()
    const forget = (): void => {
      if (this.#waiting === started) this.#waiting = undefined
    }
    started.thread.once("error", forget).once("exit", forget)
  }

  /** The one that waits, or a new one. */
  take(): T | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return this.#start()
    this.#waiting = undefined
    waiting.thread.removeAllListeners()
    waiting.thread.ref()
    return waiting
  }
}
