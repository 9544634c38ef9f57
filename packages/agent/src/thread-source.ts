import { isMainThread, Worker, workerData } from "node:worker_threads"
import { codeForThreads } from "./agent-parts.ts"

/** What a thread of the agent is for. */
export type ThreadPurpose = "extract" | "transform"

/** It is given with its input as `workerData`. */
export interface ThreadInput<T> {
  datamaestro: ThreadPurpose
  input: T
}

/**
 * With the default of 48 MiB the memory of file contents lasts until much of it has come together; with 4 the small
 * things that come of each file are collected so often that it costs a tenth of the extraction.
 */
const YOUNG_GENERATION_MEBIBYTES = 12

let source: (() => string) | undefined

/** Gives the agent's own code, from which its threads are started: it may have no file, running from memory. */
export function provideThreadSource(code: (() => string) | undefined): void {
  source = code
}

/**
 * A thread that runs the agent's code for one purpose, or undefined where there is no such code (unbuilt, in tests):
 * the work is then done in this thread.
 */
export function startThread<T>(datamaestro: ThreadPurpose, input: T): Worker | undefined {
  if (source === undefined) return undefined
  const data: ThreadInput<T> = { datamaestro, input }
  return new Worker(codeForThreads(source()), {
    eval: true,
    workerData: data,
    execArgv: [],
    name: `datamaestro ${datamaestro}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEBIBYTES },
  })
}

/** What this thread was started for; undefined in the main thread and in threads that are not ours. */
export function threadInput(): ThreadInput<unknown> | undefined {
  const data: unknown = workerData
  if (isMainThread || typeof data !== "object" || data === null || !("datamaestro" in data)) return undefined
  return data as ThreadInput<unknown>
}
