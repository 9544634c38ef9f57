import { DatamaestroError } from "@datamaestro/protocol"
import { PartLost } from "../store/cache-part.ts"
import { redactUrl } from "../store/cache-url.ts"
import { storageError } from "../store/storage-error.ts"
import { throttled } from "./fetch-events.ts"
import { networkFailure, Retryable } from "./retry-policy.ts"
import type { Transfer } from "./transfer-types.ts"

/** Fewer, larger writes: what the storage of clusters likes, and hashing too. */
const BATCH_BYTES = 1024 * 1024
/** But a slow line must not lose much to a crash, nor keep those waiting who read while it comes. */
const BATCH_MILLISECONDS = 500

/**
 * Appends a body to its part in pieces of 1 MiB, hashing each while it is written. What came before a failure is kept.
 *
 * @param end where the body must end in the part; fewer bytes are a truncation, more a server that lies
 */
export async function receive(
  job: Transfer,
  start: readonly Buffer[],
  chunks: Pick<AsyncIterator<unknown>, "next">,
  end: number | undefined,
): Promise<void> {
  const { part, hasher } = job
  const url = redactUrl(job.source)
  const total = part.state.length ?? job.size
  const tell = throttled((bytes: number) =>
    job.emit({ phase: "download", url, bytes, ...(total === undefined ? {} : { total }) }),
  )
  let writing: Promise<void> = Promise.resolve()
  let batch: Buffer[] = []
  let batched = 0
  let begun = 0
  let received = part.bytes
  const flush = async (): Promise<void> => {
    await writing
    if (batched === 0) return
    writing = write(job, batch)
    // Seen by the next flush; not to become an unhandled rejection before it.
    writing.catch(() => {})
    for (const chunk of batch) hasher.update(chunk)
    batch = []
    batched = 0
    tell(received)
  }
  const add = (chunk: Buffer): void => {
    if (batched === 0) begun = performance.now()
    batch.push(chunk)
    batched += chunk.length
    received += chunk.length
  }
  tell(received, true)
  for (const chunk of start) add(chunk)
  let failure: unknown
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      add(next.value as Buffer)
      if (batched >= BATCH_BYTES || performance.now() - begun > BATCH_MILLISECONDS) await flush()
    }
  } catch (error) {
    failure = error
  }
  await flush()
  await writing
  job.availability.ofPart(part, true)
  tell(received, true)
  if (end !== undefined && received > end) {
    await part.restart()
    hasher.reset()
    throw new Retryable(`the server sent more than the ${end} bytes it had announced`)
  }
  if (failure !== undefined) throw cut(failure, received, end)
  if (end !== undefined && received < end) throw cut(undefined, received, end)
}

async function write(job: Transfer, batch: Buffer[]): Promise<void> {
  try {
    await job.part.append(batch)
    job.availability.ofPart(job.part)
  } catch (error) {
    if (error instanceof PartLost) throw error
    const known = storageError(error, `write "${job.part.path}"`)
    if (known instanceof DatamaestroError) throw known
    throw new DatamaestroError("STORAGE_FAILED", `Cannot write "${job.part.path}": ${String(error)}`, {
      hint: "try again: what was downloaded is kept and will be continued",
      details: { path: job.part.path },
      cause: error,
    })
  }
}

/** The body ended before its end. A closed connection is a truncation, whether it was a cut or a wrong length. */
function cut(failure: unknown, received: number, end: number | undefined): unknown {
  if (failure instanceof DatamaestroError || failure instanceof PartLost) return failure
  const network = failure === undefined ? undefined : networkFailure(failure)
  if (failure !== undefined && network?.retry !== true) return failure
  const reason = network?.reason ?? "the server ended the content"
  return new Retryable(`${reason} after ${received}${end === undefined ? "" : ` of ${end}`} bytes`, {
    truncated: reason.startsWith("the server"),
    cause: failure,
  })
}
