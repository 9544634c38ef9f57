import { isMainThread, Worker, workerData } from "node:worker_threads"

/** What a thread of the agent is for. */
export type ThreadPurpose = "extract" | "transform"

/**
 * With the default of 48 MiB the memory of file contents lasts until much of it has come together; with 4 the small
 * things that come of each file are collected so often that it costs a tenth of the extraction.
 */
const YOUNG_GENERATION_MEBIBYTES = 12

let source: (() => string) | undefined
const ready = new Map<ThreadPurpose, Worker>()

/** Gives the code that the agent's threads are started from, `thread.ts` and what it uses: text, since there may be no file. */
export function provideThreadSource(code: (() => string) | undefined): void {
  source = code
}

/**
 * A thread that runs the agent's code for one purpose once it is told of what (a message), or undefined where there is no
 * such code (unbuilt, in tests): the work is then done in this thread.
 */
export function startThread(purpose: ThreadPurpose): Worker | undefined {
  const waiting = ready.get(purpose)
  if (waiting === undefined) return createThread(purpose)
  ready.delete(purpose)
  waiting.removeAllListeners()
  waiting.ref()
  return waiting
}

/** Starts one that will be wanted, so that it is there by then: a thread and its code take some 50 ms. */
export function startThreadAhead(purpose: ThreadPurpose): void {
  if (ready.has(purpose)) return
  const thread = createThread(purpose)
  if (thread === undefined) return
  thread.unref()
  ready.set(purpose, thread)
  const forget = (): void => void ready.delete(purpose)
  thread.once("error", forget).once("exit", forget)
}

/** What this thread was started for; undefined in the main thread and in threads that are not ours. */
export function threadPurpose(): ThreadPurpose | undefined {
  const data: unknown = workerData
  if (isMainThread || typeof data !== "object" || data === null || !("datamaestro" in data)) return undefined
  return data.datamaestro as ThreadPurpose
}

function createThread(purpose: ThreadPurpose): Worker | undefined {
  if (source === undefined) return undefined
  return new Worker(source(), {
    eval: true,
    workerData: { datamaestro: purpose },
    execArgv: [],
    name: `datamaestro ${purpose}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEBIBYTES },
  })
}
