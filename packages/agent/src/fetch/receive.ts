import { DatamaestroError } from "@datamaestro/protocol"
import { releaseRead } from "@datamaestro/outgoing"
import { PartLost } from "../store/cache-part.ts"
import { storageError } from "../store/storage-error.ts"
import type { BodyReader } from "./body-reader.ts"
import { networkFailure, Retryable } from "./retry-policy.ts"
import type { Attempt } from "./transfer-types.ts"

/** Fewer, larger writes: what the storage of clusters likes, and hashing too. */
const BATCH_BYTES = 1024 * 1024
/** But a slow line must not lose much to a crash, nor keep those waiting who read while it comes. */
const BATCH_MILLISECONDS = 500

/** The bytes of the part that one connection brings. */
export interface Span {
  /** Where the next byte goes; moves on as they come. */
  position: number
  /** Where the body must end: fewer bytes are a truncation, more a server that lies. */
  readonly end: number | undefined
  /** Where the bytes of others begin: there it is left. May come down to anywhere after `position` meanwhile. */
  stop: number | undefined
  /** Milliseconds spent waiting for the network. */
  waited: number
  /** Since when it waits now. */
  waitsSince: number | undefined
}

/** One of which nothing has come yet. */
export function newSpan(position: number, end: number | undefined, stop?: number): Span {
  return { position, end, stop, waited: 0, waitsSince: undefined }
}

/** Writes a body into its part in pieces of 1 MiB. What came before a failure is kept. */
export async function receive(job: Attempt, span: Span, start: readonly Buffer[], body: BodyReader): Promise<void> {
  const { part, hasher, tell } = job
  let writing: Promise<void> = Promise.resolve()
  let batch: Buffer[] = []
  let batched = 0
  let begun = 0
  const flush = async (): Promise<void> => {
    await writing
    if (batched === 0) return
    const from = span.position - batched
    writing = write(job, batch, from)
    // Seen by the next flush; not to become an unhandled rejection before it.
    writing.catch(() => {})
    let at = from
    for (const chunk of batch) {
      hasher.update(chunk, at)
      at += chunk.length
    }
    batch = []
    batched = 0
    tell()
  }
  const add = (chunk: Buffer): void => {
    const room = span.stop === undefined ? chunk.length : Math.max(0, span.stop - span.position)
    if (room === 0) return
    if (batched === 0) begun = performance.now()
    const own = chunk.length > room ? chunk.subarray(0, room) : chunk
    batch.push(own)
    batched += own.length
    span.position += own.length
  }
  const stopped = (): boolean => span.stop !== undefined && span.position >= span.stop
  tell()
  for (const chunk of start) add(chunk)
  let failure: unknown
  try {
    while (!stopped()) {
      span.waitsSince = performance.now()
      const chunks = await body.next()
      const now = performance.now()
      span.waited += now - span.waitsSince
      span.waitsSince = undefined
      if (chunks === undefined) break
      for (const chunk of chunks) add(chunk)
      if (batched >= BATCH_BYTES || now - begun > BATCH_MILLISECONDS) await flush()
    }
  } catch (error) {
    failure = error
  }
  await flush()
  await writing
  job.availability.ofPart(part, true)
  tell()
  if (stopped() && failure === undefined) return
  const { position, end } = span
  if (end !== undefined && position > end) {
    await part.restart()
    hasher.reset()
    throw new Retryable(`the server sent more than the ${end} bytes it had announced`)
  }
  if (failure !== undefined) throw cut(failure, position, end)
  if (end !== undefined && position < end) throw cut(undefined, position, end)
}

async function write(job: Attempt, batch: Buffer[], position: number): Promise<void> {
  const { part } = job
  try {
    await part.write(batch, position)
    for (const chunk of batch) releaseRead(chunk)
    job.availability.ofPart(part)
    job.hasher.advance(part, part.state.length)
  } catch (error) {
    if (error instanceof PartLost) throw error
    const known = storageError(error, `write "${part.path}"`)
    if (known instanceof DatamaestroError) throw known
    throw new DatamaestroError("STORAGE_FAILED", `Cannot write "${part.path}": ${String(error)}`, {
      hint: "try again: what was downloaded is kept and will be continued",
      details: { path: part.path },
      cause: error,
    })
  }
}

/** The body ended before its end. Whether a closed connection was a cut or a wrong length shows when it happens again. */
function cut(failure: unknown, received: number, end: number | undefined): unknown {
  if (failure instanceof DatamaestroError || failure instanceof PartLost) return failure
  const network = failure === undefined ? undefined : networkFailure(failure)
  if (failure !== undefined && network?.retry !== true) return failure
  const reason = network?.reason ?? "the server ended the content"
  return new Retryable(`${reason} after ${received}${end === undefined ? "" : ` of ${end}`} bytes`, {
    ...(reason.startsWith("the server") ? { endedAt: received } : {}),
    cause: failure,
  })
}
