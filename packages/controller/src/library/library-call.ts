import { DatamaestroError } from "@datamaestro/protocol"
import type { CallOptions } from "./dataset-calls.ts"

/**
 * Runs a call of the library. A listener may be asynchronous: what it rejects with first is a warning of the process, and ends neither the call
 * nor the program. An interruption has the signal's reason as its cause.
 */
export async function libraryCall<O extends CallOptions, R>(options: O, run: (options: O) => Promise<R>): Promise<R> {
  const { signal, onProgress } = options
  try {
    return await run(onProgress === undefined ? options : { ...options, onProgress: heeded(onProgress) })
  } catch (error) {
    const interrupted = error instanceof DatamaestroError && error.code === "INTERRUPTED"
    if (!interrupted || error.cause !== undefined || signal?.aborted !== true) throw error
    const { code, message, hint, details } = error
    throw new DatamaestroError(code, message, { hint, details, cause: signal.reason })
  }
}

function heeded(listener: NonNullable<CallOptions["onProgress"]>): NonNullable<CallOptions["onProgress"]> {
  let warned = false
  const warn = (error: unknown): void => {
    if (!warned) process.emitWarning(warningOf(error))
    warned = true
  }
  return (event) => {
    const told: unknown = listener(event)
    if (told instanceof Promise) told.catch(warn)
  }
}

function warningOf(error: unknown): string {
  return `onProgress failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
