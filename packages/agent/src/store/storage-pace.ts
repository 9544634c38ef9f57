import { readFileSync } from "node:fs"

/** Milliseconds that creating or opening a file waits beyond which several side by side are faster: on a local disk it is 0. */
const SLOW_CREATION = 0.3
const SAMPLES = 15

/** Up to here a file is worth to be read or written as a whole and synchronously, which takes a fifth of the processor's time, unless storage is slow. In bytes. */
export const SMALL_FILE_BYTES = 256 * 1024

/**
 * Judges by the first files how long the storage makes one wait that creates a file. What the processor does meanwhile
 * does not count: on a local disk that is all of it, and writers side by side would only get in each other's way, as on
 * ext4 after many files were deleted, where looking for a free inode takes long.
 */
export class StoragePace {
  readonly #times: number[] = []
  #slow: boolean | undefined

  /** @param slow when it is known beforehand */
  constructor(slow?: boolean) {
    this.#slow = slow
  }

  /** Operations are round trips. */
  get slow(): boolean {
    return this.#slow ?? false
  }

  /** Creates, or opens and reads, a file and remembers how long that took. */
  timed<T>(create: () => T): T {
    if (this.#slow !== undefined) return create()
    const busy = threadBusy()
    const start = performance.now()
    const result = create()
    this.#times.push(performance.now() - start - (threadBusy() - busy))
    if (this.#times.length === SAMPLES) {
      this.#slow = (this.#times.sort((a, b) => a - b)[SAMPLES >> 1] ?? 0) > SLOW_CREATION
    }
    return result
  }
}

/** Milliseconds that this thread had or wanted a processor (proc(5), schedstat); 0 where the system does not tell. */
function threadBusy(): number {
  try {
    // Makes Linux bring its account of the running thread up to date, which it else does once a tick.
    process.cpuUsage()
    const [running = "", waiting = ""] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")
    return (Number(running) + Number(waiting)) / 1e6
  } catch {
    return 0
  }
}
