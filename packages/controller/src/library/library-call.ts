import { DatamaestroError } from "@datamaestro/protocol"
import type { CallOptions } from "./dataset-calls.ts"
import { stoppedBy } from "./stopped-by.ts"

/**
 * Runs a call of the library. What a listener throws ends the call, and no other one of the same connection. It may be asynchronous: what it rejects
 * with first is a warning of the process, and ends neither the call nor the program. An interruption has the signal's reason as its cause.
 */
export async function libraryCall<O extends CallOptions, R>(options: O, run: (options: O) => Promise<R>): Promise<R> {
  const { signal, onProgress } = options
  const { stop, release } = stoppedBy(signal)
  const thrown: unknown[] = []
  let over = false
  const warn = warnOnce()
  const fail = (error: unknown): void => {
    if (over) return warn(error)
    thrown.push(error)
    stop.abort(error)
  }
  const listener = onProgress && heeded(onProgress, fail, warn)
  const result = await run({ ...options, signal: stop.signal, onProgress: listener })
    .catch((error: unknown) => {
      if (thrown.length > 0) throw thrown[0]
      throw explained(error, signal)
    })
    .finally(() => {
      over = true
      release()
    })
  if (thrown.length > 0) throw thrown[0]
  return result
}

function explained(error: unknown, signal: AbortSignal | undefined): unknown {
  const interrupted = error instanceof DatamaestroError && error.code === "INTERRUPTED"
  if (!interrupted || error.cause !== undefined || signal?.aborted !== true) return error
  const { code, message, hint, details } = error
  return new DatamaestroError(code, message, { hint, details, cause: signal.reason })
}

/** @param fail told what the listener throws; @param warn what it rejects with */
function heeded(
  listener: NonNullable<CallOptions["onProgress"]>,
  fail: (error: unknown) => void,
  warn: (error: unknown) => void,
): NonNullable<CallOptions["onProgress"]> {
  return (event) => {
    try {
      const told: unknown = listener(event)
      if (told instanceof Promise) told.catch(warn)
    } catch (error) {
      fail(error)
    }
  }
}

function warnOnce(): (error: unknown) => void {
  let warned = false
  return (error) => {
    if (!warned) process.emitWarning(warningOf(error))
    warned = true
  }
}

function warningOf(error: unknown): string {
  return `onProgress failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
