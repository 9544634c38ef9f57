import { addAbortListener } from "node:events"
import type { FileHandle } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { requireNothingBehind, decompressionError } from "./gunzip-errors.ts"
import { GUNZIP_SOURCE } from "./gunzip-thread-source.ts"
import { ThreadAhead } from "../threads/thread-ahead.ts"
import type { DecompressOptions } from "./decompress.ts"

/** With chunks of 64 KiB it takes 1.7 times as long. */
const SLOT_BYTES = 1024 * 1024
/** So far the decompressor may be ahead of its reader. */
const SLOTS = 4

/** Bytes of an open file that can be read. */
export interface ReadableRange {
  file: FileHandle
  from: number
  to: number
}

type FromThread =
  | { slot: number; length: number; packed: number }
  | { end: { bytes: number; used: number; lastNonZero: number; plain: number; sha256?: string } }
  | { error: { code?: string; message: string } }

/**
 * Gunzips a file in a thread of its own, which reads it too: the reader of the plain bytes shares no processor with
 * zlib, and is handed them in memory that is used again and again, so that no garbage comes of them. Errors are those
 * of `gunzipBytes`.
 *
 * A chunk is valid until the next one is asked for. The files stay open; close them when this has ended.
 *
 * @param byStream as it is done where Node does not have what is faster
 */
export async function* gunzipInThread(
  ranges: AsyncIterable<ReadableRange>,
  { archive, signal, throughput, sum }: DecompressOptions,
  byStream = false,
): AsyncGenerator<Buffer> {
  const { thread, memory } = (byStream ? undefined : ahead.take()) ?? startGunzip(byStream)
  const inbox = new Inbox(thread)
  if (sum !== undefined) {
    thread.postMessage({ sum: true })
    sum.promised = true
  }
  const stop = addAbortListener(signal, () => inbox.fail(signal.reason))
  let handed = 0
  let done = false
  const feeding = feed(thread, ranges).catch((error: unknown) => inbox.fail(error))
  try {
    for (;;) {
      const message = await inbox.next()
      if ("error" in message) {
        throw decompressionError(Object.assign(new Error(message.error.message), { code: message.error.code }), archive)
      }
      if ("end" in message) {
        await feeding
        inbox.check()
        done = true
        if (handed !== message.end.plain) throw new Error(`${handed} of ${message.end.plain} plain bytes came`)
        if (sum !== undefined && message.end.sha256 !== undefined) sum.sha256 = message.end.sha256
        return requireNothingBehind(archive, message.end)
      }
      const { slot, length, packed } = message
      handed += length
      if (throughput !== undefined) {
        throughput.packed = packed
        throughput.plain += length
      }
      yield Buffer.from(memory, slot * SLOT_BYTES, length)
      thread.postMessage({ free: slot })
    }
  } finally {
    stop[Symbol.dispose]()
    inbox.close()
    const ending = thread.terminate()
    // It reads no more.
    if (!done) await ending
  }
}

async function feed(thread: Worker, ranges: AsyncIterable<ReadableRange>): Promise<void> {
  for await (const { file, from, to } of ranges) thread.postMessage({ fd: file.fd, from, to })
  thread.postMessage({ end: true })
}

/** What the thread said and nobody has looked at yet. */
class Inbox {
  readonly #messages: FromThread[] = []
  #failure: { error: unknown } | undefined
  #wake: () => void = () => {}
  #closed = false

  constructor(thread: Worker) {
    thread.on("message", (message: FromThread) => {
      this.#messages.push(message)
      this.#wake()
    })
    thread.once("error", (error) => this.fail(error))
    thread.once("exit", (code) => this.fail(new Error(`the decompressing thread ended with ${code}`)))
  }

  /** What is waited for, now or later, rejects. */
  fail(error: unknown): void {
    if (this.#closed) return
    this.#failure ??= { error }
    this.#wake()
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  close(): void {
    this.#closed = true
  }

  async next(): Promise<FromThread> {
    for (;;) {
      this.check()
      const message = this.#messages.shift()
      if (message !== undefined) return message
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

interface Gunzip {
  thread: Worker
  memory: SharedArrayBuffer
}

const ahead = new ThreadAhead(() => startGunzip(false))

/** Starts a thread that will be wanted soon: some 30 ms, which the first bytes then need not wait for. */
export function expectGunzip(): void {
  // With one processor it would take its time from what has to be done before.
  if (availableParallelism() > 1) ahead.expect()
}

function startGunzip(byStream: boolean): Gunzip {
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES)
  const thread = new Worker(GUNZIP_SOURCE, {
    eval: true,
    workerData: { memory, slotBytes: SLOT_BYTES, byStream },
    execArgv: [],
    name: "datamaestro gunzip",
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
  return { thread, memory }
}
