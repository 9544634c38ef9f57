import { parentPort, type MessagePort } from "node:worker_threads"
import { interrupted, toWireError } from "@datamaestro/protocol"
import type { FollowPurpose, FollowRequest, FromThread, ToThread, Work } from "../follow/follow-in-thread.ts"
import { FollowedFile } from "../follow/followed-file.ts"
import type { StepContext } from "../pipeline-types.ts"
import { storageError } from "../store/storage-error.ts"

const WORK: Readonly<Record<FollowPurpose, () => Promise<Work<never, unknown>>>> = {
  extract: async () => (await import("../extract/extract-archive.ts")).extractFollowed,
  transform: async () => (await import("../transform/transform-file.ts")).transformFollowed,
}

/** The memory that a result lies in, to be handed over instead of copied. */
function memoryOf(value: unknown): ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return []
  if (!ArrayBuffer.isView(value)) return Object.values(value).flatMap(memoryOf)
  return value.buffer instanceof ArrayBuffer ? [value.buffer] : []
}

/** The other side of `followInThread`: what its thread runs, once it is told of what. */
export function serveThread(purpose: FollowPurpose): void {
  const port = parentPort
  if (port === null) throw new Error("this is no thread")
  // While nobody waits for it yet.
  const work = WORK[purpose]()
  work.catch(() => {})
  const source = new FollowedFile()
  const stopping = new AbortController()
  port.on("message", (message: ToThread) => {
    if (message.type === "begin") void serve(port, work, message.request, { source, signal: stopping.signal })
    else if (message.type === "available") source.tell(message.part)
    else if (message.type === "whole") source.end(message.pieces)
    else {
      stopping.abort()
      source.fail(interrupted())
    }
  })
}

async function serve(
  port: MessagePort,
  loading: Promise<Work<never, unknown>>,
  { request, context }: FollowRequest<never>,
  { source, signal }: { source: FollowedFile; signal: AbortSignal },
): Promise<void> {
  const answer = (message: FromThread): void => port.postMessage(message)
  try {
    const work = await loading
    const progress: StepContext["progress"] = (event) => answer({ type: "progress", event })
    const result = await work(request, source, { ...context, signal, progress })
    const done: FromThread = { type: "done", result }
    port.postMessage(done, memoryOf(result))
  } catch (error) {
    answer({ type: "failed", error: toWireError(storageError(error, `prepare "${context.dataset}"`)) })
  }
  port.close()
}
