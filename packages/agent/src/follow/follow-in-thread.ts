import type { Worker } from "node:worker_threads"
import { fromWireError, interrupted, type ProgressEvent, type WireError } from "@datamaestro/protocol"
import type { AvailableBytes, StepContext } from "../pipeline-types.ts"
import { startThread, type ThreadPurpose } from "../threads/thread-source.ts"
import { FollowedFile, type Piece } from "./followed-file.ts"

/** What threads are for that make something of a download. */
export type FollowPurpose = Exclude<ThreadPurpose, "step">

/** What the thread is told first. */
export interface FollowRequest<R> {
  request: R
  context: Pick<StepContext, "dataset" | "resource">
}

/** What the thread is told. */
export type ToThread =
  | { type: "begin"; request: FollowRequest<never> }
  | { type: "available"; part: AvailableBytes }
  | { type: "whole"; pieces: readonly Piece[] }
  | { type: "stop" }

/** What it answers. */
export type FromThread =
  { type: "progress"; event: ProgressEvent } | { type: "done"; result: unknown } | { type: "failed"; error: WireError }

/** Makes something of a download that may still come; its result can be sent between threads. */
export type Work<R, T> = (request: R, source: FollowedFile, context: StepContext) => Promise<T>

/** Something that is made of a download while that still comes. */
export interface Following<T> {
  /** So much of the download can be read. */
  available(part: AvailableBytes): void
  /** It is whole and verified, here; in several files when it was cut into pieces. */
  whole(pieces: readonly Piece[]): void
  /** Nothing more comes: the work ends and leaves nothing. */
  stop(): void
  /** Rejects as the work does, with INTERRUPTED after `stop()`. */
  readonly result: Promise<T>
}

/**
 * Starts work on a download in a thread of its own, so that fetching and the work have a processor each; in this
 * thread where the agent's code can't be started again.
 *
 * @param work what the thread does for `purpose`
 */
export function followInThread<R, T>(
  purpose: FollowPurpose,
  request: R,
  context: StepContext,
  work: Work<R, T>,
): Following<T> {
  const { signal, dataset, resource } = context
  const worker = signal.aborted ? undefined : startThread(purpose)
  if (worker === undefined) return followHere(request, context, work)
  worker.postMessage({ type: "begin", request: { request, context: { dataset, resource } } })
  return followThere(worker, context)
}

/** The same in this thread: for what is done before another one has started. */
export function followHere<R, T>(request: R, context: StepContext, work: Work<R, T>): Following<T> {
  const source = new FollowedFile()
  const own = new AbortController()
  const stop = (): void => {
    own.abort()
    source.fail(interrupted())
  }
  context.signal.addEventListener("abort", stop, { once: true })
  if (context.signal.aborted) stop()
  const result = work(request, source, { ...context, signal: own.signal }).finally(() =>
    context.signal.removeEventListener("abort", stop),
  )
  return {
    available: (part) => source.tell(part),
    whole: (pieces) => source.end(pieces),
    stop,
    result,
  }
}

function followThere<T>(worker: Worker, { signal, progress }: StepContext): Following<T> {
  const send = (message: ToThread): void => worker.postMessage(message)
  const stop = (): void => send({ type: "stop" })
  signal.addEventListener("abort", stop, { once: true })
  const result = new Promise<T>((resolve, reject) => {
    worker.on("message", (message: FromThread) => {
      if (message.type === "progress") progress(message.event)
      else if (message.type === "done") resolve(message.result as T)
      else reject(fromWireError(message.error))
    })
    worker.once("error", reject)
    worker.once("exit", (code) => reject(new Error(`a thread of the agent ended with ${code}`)))
  }).finally(() => {
    signal.removeEventListener("abort", stop)
    void worker.terminate()
  })
  return {
    available: (part) => send({ type: "available", part }),
    whole: (pieces) => send({ type: "whole", pieces }),
    stop,
    result,
  }
}
