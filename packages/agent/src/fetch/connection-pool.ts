import { setMaxListeners } from "node:events"
import { DatamaestroError } from "@datamaestro/protocol"
import { PartLost } from "../store/cache-part.ts"
import { redactUrl } from "../store/cache-url.ts"
import type { BodyReader } from "./body-reader.ts"
import { addSlot, MOST_CONNECTIONS, takeSlot } from "./host-slots.ts"
import { Deliveries } from "./deliveries.ts"
import { ContentChanged, PartRefused, requestPiece } from "./request-piece.ts"
import { Pieces } from "./pieces.ts"
import { receive } from "./receive.ts"
import type { Span } from "./span.ts"
import { networkFailure, Retryable } from "./retry-policy.ts"
import type { Attempt } from "./transfer-types.ts"
import { ZIP_END_BYTES, zipDirectoryStart } from "./zip-directory.ts"

const MOST_PIECE_BYTES = 64 * 1024 * 1024
/** Where there may be one connection only, the one that is open is left after so much, for the file's end. */
const BEGINNING_BYTES = 1024 * 1024

/** A response that is being received. */
export interface Opened {
  start: readonly Buffer[]
  body: BodyReader
  /** Where its first byte goes, and where its body must end. */
  from: number
  end: number
  close(): void
}

/** The zip directory at the file's end comes before the rest: over a connection beside the open one, or over its successor. */
export type EndFirst = "beside" | "after"

/** It is the connection's alone: a server may refuse one, or all but the first. */
function isOwnFailure(error: unknown): boolean {
  if (error instanceof ContentChanged || error instanceof PartLost) return false
  if (error instanceof DatamaestroError) return error.code === "DOWNLOAD_FAILED"
  return error instanceof Retryable || networkFailure(error)?.retry === true
}

/** How a connection ends that is left, if it does not fail by itself in the same moment. */
function isOfLeaving(error: unknown): boolean {
  if (error instanceof DatamaestroError && error.code === "INTERRUPTED") return true
  return isOwnFailure(error) || (error instanceof Error && error.name === "AbortError")
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
  readonly #host: string
  readonly deliveries = new Deliveries()
  #first: Span | undefined
  #wanted = 1
  #answered = 0
  #leaving = 0
  #failure: unknown
  #fatal: unknown

  constructor(job: Attempt, length: number, most: number) {
    this.#job = job
    this.#length = length
    this.most = most
    const share = Math.min(MOST_PIECE_BYTES, Math.floor((length - job.part.written) / (4 * most)))
    // One alone asks for all that lacks.
    this.#pieces = new Pieces(job.part, length, most === 1 ? length : Math.max(job.tuning.pieceBytes, share))
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

  /** Whether something is left that no connection has been asked for. */
  get hasMore(): boolean {
    return this.#pieces.left
  }

  /** Bytes that the connection has yet to bring. */
  restOf({ position, stop }: Span): number {
    return (stop ?? this.#length) - position
  }

  async run({ start, body, from, end, close }: Opened, endFirst?: EndFirst): Promise<void> {
    const { part, parts } = this.#job
    const span = this.#pieces.adopt(from, end)
    this.#first = span
    if (endFirst === "after") span.stop = Math.min(span.stop ?? end, from + BEGINNING_BYTES)
    this.#start(addSlot(this.#host), async () => {
      await this.#bring(span, close, () => receive(this.#job, span, start, body).finally(close))
      if (endFirst === "after") await this.#bringDirectory()
      await this.#work()
    })
    const release = endFirst === "beside" ? takeSlot(this.#host) : undefined
    if (release !== undefined) {
      this.#start(release, async () => {
        await this.#bringDirectory()
        await this.#work()
      })
    }
    while (this.#workers.size > 0) await Promise.race(this.#workers)
    if (this.#fatal !== undefined) {
      if (this.#fatal instanceof ContentChanged) {
        await part.restart()
        this.#job.hasher.reset()
        parts.changed()
      }
      throw this.#fatal
    }
    if (this.#failure instanceof PartRefused) parts.refused()
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

  /** Leaves a connection for a new one, which brings what the old one has not. */
  replace(span: Span): void {
    const rest = this.#pieces.takeRest(span)
    const message = `Left a connection to ${redactUrl(this.#job.source)} that hardly brought anything, with ${this.restOf(rest)} bytes to go`
    this.#job.emit({ phase: "notice", level: "debug", message })
    this.#start(addSlot(this.#host), async () => {
      await this.#request(rest)
      await this.#work()
    })
    this.deliveries.leave(span)
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
      await this.#request(span)
    }
  }

  /** Brings the end of a zip, and what of its directory lies before that. */
  async #bringDirectory(): Promise<void> {
    const { part } = this.#job
    await part.allowGaps()
    const bring = async (from: number): Promise<void> => {
      const span = this.#pieces.takeEnd(from)
      if (span !== undefined) await this.#request(span)
    }
    const tail = Buffer.alloc(Math.min(this.#length, ZIP_END_BYTES))
    const from = this.#length - tail.length
    await bring(from)
    await part.file.read(tail, 0, tail.length, from)
    const start = zipDirectoryStart(tail, this.#length)
    if (start !== undefined && this.#length - start <= MOST_PIECE_BYTES) await bring(start)
  }

  async #request(span: Span): Promise<void> {
    const left = new AbortController()
    const signal = AbortSignal.any([this.#signal, left.signal])
    await this.#bring(
      span,
      () => left.abort(),
      () => requestPiece(this.#job, span, signal, () => this.#answered++),
    )
  }

  /** @param end of the connection, by which `run` fails */
  async #bring(span: Span, end: () => void, run: () => Promise<void>): Promise<void> {
    let left = false
    this.deliveries.begin(span, () => {
      left = true
      end()
    })
    try {
      await run()
    } catch (error) {
      if (!left || !isOfLeaving(error)) throw error
    } finally {
      this.deliveries.end(span)
      this.#pieces.release(span)
    }
  }

  /** The others go on, unless it is something that concerns them too. */
  #failed(error: unknown): void {
    if (!isOwnFailure(error)) {
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
