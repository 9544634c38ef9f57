import { setMaxListeners } from "node:events"
import { DatamaestroError } from "@datamaestro/protocol"
import { PartLost } from "../store/cache-part.ts"
import { redactUrl } from "../store/cache-url.ts"
import { addConnections } from "./add-connections.ts"
import type { BodyReader } from "./body-reader.ts"
import { addSlot, MOST_CONNECTIONS, takeSlot } from "./host-slots.ts"
import { ContentChanged, requestPiece } from "./piece-request.ts"
import { Pieces } from "./pieces.ts"
import { receive, type Span } from "./receive.ts"
import { networkFailure, Retryable } from "./retry-policy.ts"
import type { Attempt } from "./transfer-types.ts"

const MOST_PIECE_BYTES = 64 * 1024 * 1024

/** A response that is being received. */
export interface Opened {
  start: readonly Buffer[]
  body: BodyReader
  /** Where its first byte goes, and where its body must end. */
  from: number
  end: number
  close(): void
}

/**
 * Brings all that a part lacks: over the connection that is open, then, piece by piece, over as many as pay. What a
 * failing connection leaves, the others bring; only when the last one fails is the attempt over.
 */
export async function receiveSegments(job: Attempt, opened: Opened, length: number, most: number): Promise<void> {
  const pool = new ConnectionPool(job, length, most)
  const stop = new AbortController()
  const growing = most > 1 ? addConnections(pool, job.tuning, stop.signal) : Promise.resolve()
  try {
    await pool.run(opened)
  } finally {
    stop.abort()
    await growing
  }
}

/** The connections that bring one file. */
export class ConnectionPool {
  readonly #job: Attempt
  readonly #pieces: Pieces
  readonly #length: number
  /** At most so many. */
  readonly most: number
  readonly #abort = new AbortController()
  readonly #signal: AbortSignal
  readonly #workers = new Set<Promise<void>>()
  /** Those being brought, and where each began. */
  readonly #spans = new Map<Span, number>()
  readonly #host: string
  #first: Span | undefined
  #wanted = 1
  #answered = 0
  #waited = 0
  #received = 0
  #leaving = 0
  #failure: unknown
  #fatal: unknown

  constructor(job: Attempt, length: number, most: number) {
    this.#job = job
    this.#length = length
    this.most = most
    const share = (length - job.part.written) / (4 * most)
    this.#pieces = new Pieces(
      job.part,
      length,
      Math.max(job.tuning.pieceBytes, Math.min(MOST_PIECE_BYTES, Math.floor(share))),
    )
    this.#signal = AbortSignal.any([job.signal, this.#abort.signal])
    // Each connection listens to it; that is no leak.
    setMaxListeners(4 * MOST_CONNECTIONS, this.#signal)
    this.#host = URL.canParse(job.source) ? new URL(job.source).host : ""
  }

  /** Connections that are at work. */
  get size(): number {
    return this.#workers.size
  }

  /** How many answers have begun to come, ever. */
  get answered(): number {
    return this.#answered
  }

  /** Bytes that still lack. */
  get missing(): number {
    return this.#length - this.#job.part.written
  }

  /** Bytes that came, also those not yet written. */
  get received(): number {
    let sum = this.#received
    for (const [{ position }, from] of this.#spans) sum += position - from
    return sum
  }

  /** Milliseconds that all connections together waited for the network. */
  get waited(): number {
    let sum = this.#waited
    const now = performance.now()
    for (const { waited, waitsSince } of this.#spans.keys()) sum += waited + (now - (waitsSince ?? now))
    return sum
  }

  async run({ start, body, from, end, close }: Opened): Promise<void> {
    const { part } = this.#job
    const span = this.#pieces.adopt(from, end)
    this.#first = span
    this.#start(addSlot(this.#host), async () => {
      await this.#bring(span, () => receive(this.#job, span, start, body).finally(close))
      await this.#work()
    })
    while (this.#workers.size > 0) await Promise.race(this.#workers)
    if (this.#fatal !== undefined) {
      if (this.#fatal instanceof ContentChanged) {
        await part.restart()
        this.#job.hasher.reset()
      }
      throw this.#fatal
    }
    if (part.bytes < this.#length) throw this.#failure ?? new Retryable("the server sent a part only")
  }

  /** Adds up to `count` connections; says how many. */
  async grow(count: number): Promise<number> {
    await this.#job.part.allowGaps()
    if (this.#first !== undefined) this.#pieces.shorten(this.#first)
    this.#wanted = Math.min(this.most, this.size + count)
    let added = 0
    while (this.size < this.#wanted && this.size > 0) {
      const release = takeSlot(this.#host)
      if (release === undefined) break
      this.#start(release, () => this.#work())
      added++
    }
    return added
  }

  /** Lets connections go, as they finish their pieces, until `count` are left. */
  shrink(count: number): void {
    this.#wanted = count
  }

  #start(release: () => void, work: () => Promise<void>): void {
    const worker: Promise<void> = work()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        release()
        this.#workers.delete(worker)
        if (this.#leaving > 0) this.#leaving--
      })
    this.#workers.add(worker)
  }

  async #work(): Promise<void> {
    for (;;) {
      if (this.size - this.#leaving > this.#wanted) {
        this.#leaving++
        return
      }
      const span = this.#pieces.next()
      if (span === undefined) return
      await this.#bring(span, () => requestPiece(this.#job, span, this.#signal, () => this.#answered++))
    }
  }

  async #bring(span: Span, run: () => Promise<void>): Promise<void> {
    const from = span.position
    this.#spans.set(span, from)
    try {
      await run()
    } finally {
      this.#waited += span.waited
      this.#received += span.position - from
      this.#spans.delete(span)
      this.#pieces.release(span)
    }
  }

  /** The others go on, unless it is something that concerns them too. */
  #failed(error: unknown): void {
    const passing =
      error instanceof ContentChanged
        ? false
        : error instanceof Retryable || (!(error instanceof DatamaestroError) && networkFailure(error)?.retry === true)
    if (!passing || error instanceof PartLost) {
      this.#fatal ??= error
      this.#abort.abort()
      return
    }
    this.#failure = error
    this.#wanted = Math.max(1, this.size - 1)
    if (this.#workers.size > 1) {
      this.#job.emit({
        phase: "notice",
        level: "debug",
        message: `One of ${this.size} connections to ${redactUrl(this.#job.source)} ended: ${String(error)}`,
      })
    }
  }
}
