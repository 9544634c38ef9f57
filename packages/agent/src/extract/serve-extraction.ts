import { parentPort } from "node:worker_threads"
import { interrupted, toWireError } from "@datamaestro/protocol"
import type { FromThread, ThreadRequest, ToThread } from "./extract-in-thread.ts"
import { extractArchive } from "./extract-archive.ts"
import { FollowedFile } from "./followed-file.ts"

/** The other side of `extractInThread`: what its thread runs. */
export async function serveExtraction({ context, ...request }: ThreadRequest): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error("this is no thread")
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
    const tree = await extractArchive(
      { ...request, source },
      { ...context, signal: stopping.signal, progress: (event) => answer({ type: "progress", event }) },
    )
    answer({ type: "done", tree })
  } catch (error) {
    answer({ type: "failed", error: toWireError(error) })
  }
  port.close()
}
