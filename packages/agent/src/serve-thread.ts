import { parentPort } from "node:worker_threads"
import { interrupted, toWireError } from "@datamaestro/protocol"
import type { FollowRequest, FromThread, ToThread, Work } from "./follow/follow-in-thread.ts"
import { FollowedFile } from "./follow/followed-file.ts"
import type { ThreadInput, ThreadPurpose } from "./thread-source.ts"

const WORK: Readonly<Record<ThreadPurpose, () => Promise<Work<never, unknown>>>> = {
  extract: async () => (await import("./extract/extract-archive.ts")).extractFollowed,
  transform: async () => (await import("./transform/transform-file.ts")).transformFollowed,
}

/** The memory that a result lies in, to be handed over instead of copied. */
function memoryOf(value: unknown): ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return []
  if (!ArrayBuffer.isView(value)) return Object.values(value).flatMap(memoryOf)
  return value.buffer instanceof ArrayBuffer ? [value.buffer] : []
}

/** The other side of `followInThread`: what its thread runs. */
export async function serveThread({ datamaestro, input }: ThreadInput<unknown>): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error("this is no thread")
  const { request, context } = input as FollowRequest<never>
  const source = new FollowedFile()
  const stopping = new AbortController()
  port.on("message", (message: ToThread) => {
    if (message.type === "available") source.tell(message.part)
    else if (message.type === "whole") source.end(message.pieces)
    else {
      stopping.abort()
      source.fail(interrupted())
    }
  })
  const answer = (message: FromThread): void => port.postMessage(message)
  try {
    const work = await WORK[datamaestro]()
    const result = await work(request, source, {
      ...context,
      signal: stopping.signal,
      progress: (event) => answer({ type: "progress", event }),
    })
    const done: FromThread = { type: "done", result }
    port.postMessage(done, memoryOf(result))
  } catch (error) {
    answer({ type: "failed", error: toWireError(error) })
  }
  port.close()
}
