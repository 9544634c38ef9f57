import { DatamaestroError } from "@datamaestro/protocol"
import { isExceeded, releaseRead } from "@datamaestro/outgoing"
import { PartLost } from "../store/cache-part.ts"
import { redactUrl } from "../store/cache-url.ts"
import { storageError } from "../store/storage-error.ts"
import type { BodyReader } from "./body-reader.ts"
import { networkFailure, Retryable } from "./retry-policy.ts"
import { waitedFor, type Span } from "./span.ts"
import type { Attempt } from "./transfer-types.ts"

/** Fewer, larger writes: what the storage of clusters likes, and hashing too. */
const BATCH_BYTES = 1024 * 1024
/** But a slow line must not lose much to a crash, nor keep those waiting who read while it comes. */
const BATCH_MILLISECONDS = 500

/** Writes a body into its part in pieces of 1 MiB. What came before a failure is kept. */
export async function receive(job: Attempt, span: Span, start: readonly Buffer[], body: BodyReader): Promise<void> {
  const { part, hasher, tell } = job
  const batch = new Batch(job, span)
  const stopped = (): boolean => span.stop !== undefined && span.position >= span.stop
  tell()
  for (const chunk of start) batch.add(chunk)
  let failure: unknown
  try {
    while (!stopped()) {
      const chunks = await waitedFor(span, body.next())
      if (chunks === undefined) break
      for (const chunk of chunks) batch.add(chunk)
      if (batch.isDue()) await batch.flush()
    }
  } catch (error) {
    failure = error
  }
  await batch.end()
  if (batch.exceeded) tellOfMore(job, span)
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

/** Where a sum or a size is declared, that decides. */
function tellOfMore({ declared, size, source, emit }: Attempt, { end }: Span): void {
  if (declared || size !== undefined) return
  const message = `${redactUrl(source)} may be cut short: the server sent more than the ${end} bytes that it had announced`
  emit({ phase: "notice", level: "warning", message })
}

/** What has come of a span and is not yet written. While one batch is being written the next one gathers. */
class Batch {
  readonly #job: Attempt
  readonly #span: Span
  #chunks: Buffer[] = []
  #bytes = 0
  #begun = 0
  /** The server sent more than it had announced. */
  exceeded = false
  #writing: Promise<void> = Promise.resolve()

  constructor(job: Attempt, span: Span) {
    this.#job = job
    this.#span = span
  }

  /** Takes as much of the chunk as belongs to the span. */
  add(chunk: Buffer): void {
    this.exceeded ||= isExceeded(chunk)
    const { position, stop } = this.#span
    const room = stop === undefined ? chunk.length : Math.max(0, stop - position)
    if (room === 0) return
    if (this.#bytes === 0) this.#begun = performance.now()
    const own = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#chunks.push(own)
    this.#bytes += own.length
    this.#span.position += own.length
  }

  isDue(): boolean {
    return this.#bytes >= BATCH_BYTES || performance.now() - this.#begun > BATCH_MILLISECONDS
  }

  /** Begins to write what has gathered, once the batch before it is written. */
  async flush(): Promise<void> {
    await this.#writing
    if (this.#bytes === 0) return
    const from = this.#span.position - this.#bytes
    this.#writing = write(this.#job, this.#chunks, from)
    // Seen by the next flush; not to become an unhandled rejection before it.
    this.#writing.catch(() => {})
    let at = from
    for (const chunk of this.#chunks) {
      this.#job.hasher.update(chunk, at)
      at += chunk.length
    }
    this.#chunks = []
    this.#bytes = 0
    this.#job.tell()
  }

  async end(): Promise<void> {
    await this.flush()
    await this.#writing
  }
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
