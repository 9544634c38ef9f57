import { isMainThread, Worker, workerData } from "node:worker_threads"
import { ThreadAhead } from "./thread-ahead.ts"

/** What a thread of the agent is for. */
export type ThreadPurpose = "extract" | "transform" | "step"

/** What its code begins with: an author's step needs what loads repositories, and nothing that reads archives. */
export type ThreadEntry = "thread" | "step-thread"

/**
 * With the default of 48 MiB the memory of file contents lasts until much of it has come together; with 4 the small
 * things that come of each file are collected so often that it costs a tenth of the extraction.
 */
const YOUNG_GENERATION_MEBIBYTES = 12

let source: ((entry: ThreadEntry) => string) | undefined
const ahead = {
  extract: new ThreadAhead(() => createThread("extract")),
  transform: new ThreadAhead(() => createThread("transform")),
}

/** Gives the code that the agent's threads are started from, by the module that it begins with: text, since there may be no file. */
export function provideThreadSource(code: ((entry: ThreadEntry) => string) | undefined): void {
  source = code
}

/**
 * A thread that runs the agent's code for one purpose once it is told of what (a message), or undefined where there is no
 * such code (unbuilt, in tests): the work is then done in this thread.
 */
export function startThread(purpose: ThreadPurpose): Worker | undefined {
  return (purpose === "step" ? createThread(purpose) : ahead[purpose].take())?.thread
}

/** Starts one that will be wanted, so that it is there by then: a thread and its code take some 50 ms. */
export function startThreadAhead(purpose: keyof typeof ahead): void {
  ahead[purpose].expect()
}

/** What this thread was started for; undefined in the main thread and in threads that are not ours. */
export function threadPurpose(): ThreadPurpose | undefined {
  const data: unknown = workerData
  if (isMainThread || typeof data !== "object" || data === null || !("datamaestro" in data)) return undefined
  return data.datamaestro as ThreadPurpose
}

function createThread(purpose: ThreadPurpose): { thread: Worker } | undefined {
  if (source === undefined) return undefined
  const authored = purpose === "step"
  const thread = new Worker(source(authored ? "step-thread" : "thread"), {
    eval: true,
    workerData: { datamaestro: purpose },
    execArgv: [],
    name: `datamaestro ${purpose}`,
    ...(authored
      ? { stdout: true, stderr: true }
      : { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEBIBYTES } }),
  })
  return { thread }
}
