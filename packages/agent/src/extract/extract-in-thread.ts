import type { Worker } from "node:worker_threads"
import { fromWireError, interrupted, type ProgressEvent, type WireError } from "@datamaestro/protocol"
import type { AvailableBytes, StepContext } from "../pipeline-types.ts"
import { startThread } from "../thread-source.ts"
import { extractArchive, type ExtractedTree, type ExtractRequest } from "./extract-archive.ts"
import { FollowedFile, type Piece } from "./followed-file.ts"

/** What the thread is started with. */
export interface ThreadRequest extends Omit<ExtractRequest, "source"> {
  context: Pick<StepContext, "paths" | "dataset" | "resource">
}

/** What the thread is told later. */
export type ToThread =
  { type: "available"; part: AvailableBytes } | { type: "whole"; pieces: readonly Piece[] } | { type: "stop" }

/** What it answers. */
export type FromThread =
  | { type: "progress"; event: ProgressEvent }
  | { type: "done"; tree: ExtractedTree }
  | { type: "failed"; error: WireError }

/** An extraction that runs while its archive still comes. */
export interface RunningExtraction {
  /** So much of the download can be read. */
  available(part: AvailableBytes): void
  /** It is whole and verified, here; in several files when it was cut into pieces. */
  whole(pieces: readonly Piece[]): void
  /** Nothing more comes: the extraction ends and leaves nothing. */
  stop(): void
  /** Rejects as `extractArchive`, with INTERRUPTED after `stop()`. */
  readonly tree: Promise<ExtractedTree>
}

/**
 * Starts to extract an archive in a thread of its own, so that fetching and extracting have a processor each; in this
 * thread where the agent's code can't be started again.
 */
export function extractInThread(request: Omit<ExtractRequest, "source">, context: StepContext): RunningExtraction {
  const { signal, paths, dataset, resource } = context
  const input: ThreadRequest = { ...request, context: { paths, dataset, resource } }
  const worker = signal.aborted ? undefined : startThread("extract", input)
  return worker === undefined ? extractHere(request, context) : extractThere(worker, context)
}

function extractHere(request: Omit<ExtractRequest, "source">, context: StepContext): RunningExtraction {
  const source = new FollowedFile()
  const own = new AbortController()
  const stop = (): void => {
    own.abort()
    source.fail(interrupted())
  }
  context.signal.addEventListener("abort", stop, { once: true })
  if (context.signal.aborted) stop()
  const tree = extractArchive({ ...request, source }, { ...context, signal: own.signal }).finally(() =>
    context.signal.removeEventListener("abort", stop),
  )
  return {
    available: (part) => source.tell(part),
    whole: (pieces) => source.end(pieces),
    stop,
    tree,
  }
}

function extractThere(worker: Worker, { signal, progress }: StepContext): RunningExtraction {
  const send = (message: ToThread): void => worker.postMessage(message)
  const stop = (): void => send({ type: "stop" })
  signal.addEventListener("abort", stop, { once: true })
  const tree = new Promise<ExtractedTree>((resolve, reject) => {
    worker.on("message", (message: FromThread) => {
      if (message.type === "progress") progress(message.event)
      else if (message.type === "done") resolve(message.tree)
      else reject(fromWireError(message.error))
    })
    worker.once("error", reject)
    worker.once("exit", (code) => reject(new Error(`the extracting thread ended with ${code}`)))
  }).finally(() => {
    signal.removeEventListener("abort", stop)
    void worker.terminate()
  })
  return {
    available: (part) => send({ type: "available", part }),
    whole: (pieces) => send({ type: "whole", pieces }),
    stop,
    tree,
  }
}
