import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads"
import { NEW_FILE, type Deflated, type FileSink } from "./file-sinks.ts"
import { timeOf } from "./member.ts"
import { SECOND_WRITER_SOURCE } from "./second-writer-source.ts"

const SLOT_BYTES = 1024 * 1024
/** One is filled while the others are written. */
const SLOTS = 3
/** What is larger is written as it comes. */
const MOST_FILE_BYTES = 256 * 1024
/** A message to another thread costs as much as some files. */
const MOST_FILES = 64

/** A file to be written. */
export interface WantedFile {
  key: string
  path: string
  mode: number
  bytes: number
  mtime: Date | undefined
  /** As errors call it. */
  name: string
}

/** What is told of the files, which are known by numbers from their end on. */
export interface SecondWriterEvents {
  /** It was given whole; returns its number. */
  given(key: string, bytes: number): number
  /** It is there. */
  done(file: number, sha256: string): void
  /** Makes what is told of a failure to write it. */
  failure(error: unknown, name: string): unknown
}

/** As the thread is told: path, mode, time in milliseconds, offset in the slot, bytes there, what must come out of them. */
type Order = [string, number, number | null, number, number, { size: number; crc: number } | null]

interface Batch {
  slot: number
  used: number
  orders: Order[]
  files: { key: string; name: string; number: number; deflated: Deflated | null }[]
}

interface OpenedFile {
  file: WantedFile
  batch: Batch
  reserved: number
  written: number
  deflated: Deflated | null
}

interface Answer {
  slot: number
  sums: string[]
  error?: { message: string }
}

/**
 * A second thread that writes, and hashes, small files: on a local disk what one takes for many files is the
 * processor's time. It is given as much as it gets done, so that neither waits for the other.
 */
export class SecondWriter {
  readonly #memory = new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT_BYTES))
  readonly #events: SecondWriterEvents
  readonly #thread: Worker
  readonly #port: MessagePort
  readonly #free = Array.from({ length: SLOTS }, (_, index) => index)
  readonly #running = new Map<number, Batch>()
  readonly #pending = new Set<string>()
  #batch: Batch | undefined
  #opened: OpenedFile | undefined
  #failure: { error: unknown } | undefined
  #waiting: (() => void)[] = []
  #closed = false

  /** The one for all files: made for each, what they remember would outlive the file by two batches. */
  readonly #sink: FileSink = {
    write: (chunk) => {
      const opened = this.#open()
      const { batch, reserved, written } = opened
      if (written + chunk.length > reserved) throw new RangeError("a file is longer than was said")
      this.#memory.set(chunk, batch.slot * SLOT_BYTES + batch.used + written)
      opened.written += chunk.length
    },
    deflated: (content, expected) => {
      const opened = this.#open()
      if (content.length > opened.reserved) return false
      this.#sink.write(content)
      opened.deflated = expected
      return true
    },
    end: () => this.#end(this.#open()),
    discard: () => (this.#opened = undefined),
  }

  constructor(events: SecondWriterEvents) {
    this.#events = events
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#thread = new Worker(SECOND_WRITER_SOURCE, {
      eval: true,
      workerData: { memory: this.#memory.buffer, slotBytes: SLOT_BYTES, port: port2 },
      transferList: [port2],
      execArgv: [],
      name: "datamaestro writer",
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    port1.on("message", (answer: Answer) => this.#take(answer))
    this.#thread.once("error", (error) => this.#die(error))
    this.#thread.once("exit", (code) => this.#die(new Error(`the writing thread ended with ${code}`)))
  }

  /** A sink for the file, or undefined when it is busy enough: the caller then writes it. One at a time is open. */
  file(file: WantedFile): FileSink | undefined {
    // Deflated it may be longer, where nothing could be shortened.
    const reserved = file.bytes + (file.bytes >> 8) + 64
    const batch = this.#room(reserved)
    if (batch === undefined) return undefined
    this.#opened = { file, batch, reserved, written: 0, deflated: null }
    return this.#sink
  }

  /** It was given a file of that key that is not there yet. */
  has(key: string): boolean {
    return this.#pending.has(key)
  }

  /** Why the first file could not be written, if there was one. */
  get failure(): { error: unknown } | undefined {
    return this.#failure
  }

  /** Waits until all is written; rejects with the first failure. */
  async settle(): Promise<void> {
    this.#send()
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Ends the thread; waits for that while it may still write. */
  async close(): Promise<void> {
    this.#closed = true
    this.#port.close()
    const ending = this.#thread.terminate()
    if (this.#running.size > 0) await ending
  }

  #open(): OpenedFile {
    if (this.#opened === undefined) throw new Error("no file is open")
    return this.#opened
  }

  #end({ file: { key, path, mode, bytes, mtime, name }, batch, written, deflated }: OpenedFile): void {
    this.#opened = undefined
    const time = timeOf(mtime)?.getTime() ?? null
    const expected = deflated === null ? null : { size: deflated.size, crc: deflated.crc }
    batch.orders.push([path, mode, time, batch.used, written, expected])
    batch.files.push({ key, name, number: this.#events.given(key, bytes), deflated })
    batch.used += written
    this.#pending.add(key)
    if (batch.files.length >= MOST_FILES) this.#send()
  }

  #room(bytes: number): Batch | undefined {
    if (bytes > MOST_FILE_BYTES || this.#failure !== undefined) return undefined
    if (this.#batch !== undefined && this.#batch.used + bytes > SLOT_BYTES) this.#send()
    if (this.#batch !== undefined) return this.#batch
    if (this.#free.length === 0) this.#look()
    const slot = this.#free.pop()
    if (slot === undefined) return undefined
    this.#batch = { slot, used: 0, orders: [], files: [] }
    return this.#batch
  }

  /** Takes an answer that has come while this thread was writing itself. */
  #look(): void {
    const received: { message: Answer } | undefined = receiveMessageOnPort(this.#port)
    if (received !== undefined) this.#take(received.message)
  }

  #send(): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    if (batch.files.length === 0) return void this.#free.push(batch.slot)
    this.#running.set(batch.slot, batch)
    this.#port.postMessage({ slot: batch.slot, flags: NEW_FILE, files: batch.orders })
    batch.orders = []
  }

  #take({ slot, sums, error }: Answer): void {
    const batch = this.#running.get(slot)
    this.#running.delete(slot)
    this.#free.push(slot)
    batch?.files.forEach(({ key, number }, index) => {
      const sum = sums[index]
      if (sum !== undefined) this.#events.done(number, sum)
      this.#pending.delete(key)
    })
    if (error !== undefined) {
      const cause = Object.assign(new Error(error.message), error)
      this.#failure ??= { error: this.#failureOf(cause, batch?.files[sums.length]) }
    }
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Not expected: nothing that it was given is there for sure. */
  #die(error: Error): void {
    if (this.#closed) return
    this.#failure ??= { error }
    this.#running.clear()
    this.#wake()
  }

  #failureOf(cause: NodeJS.ErrnoException, failed: Batch["files"][number] | undefined): unknown {
    if (failed === undefined) return cause
    const { name, deflated } = failed
    return cause.syscall === undefined && deflated !== null
      ? deflated.failure(cause, { name, size: deflated.size })
      : this.#events.failure(cause, name)
  }
}
