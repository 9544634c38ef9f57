import { JobLogEntry, ProgressCoalescer, type ProgressEvent } from "@datamaestro/protocol"
import { constants } from "node:fs"
import { open, type FileHandle } from "node:fs/promises"
import * as v from "valibot"
import { openPlainFile } from "../store/open-plain-file.ts"

const FIRST_INTERVAL = 1000
const LATER_INTERVAL = 5000
const LATER = 600_000
const PIECE = 1024 * 1024
const APPEND_AT_ONCE = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK

/**
 * Appends to a job's journal, one JSON object a line. Counts are written once a second for each resource, and less
 * often in long jobs. What can't be written is left out: a full disk must not end the work that is told of.
 */
export class JournalWriter {
  readonly #file: FileHandle
  readonly #coalescer: ProgressCoalescer
  #pending: string
  #writing: Promise<void> | undefined

  private constructor(file: FileHandle) {
    this.#file = file
    // A killed predecessor may have left half a line.
    this.#pending = "\n"
    const began = performance.now()
    this.#coalescer = new ProgressCoalescer(
      () => (performance.now() - began < LATER ? FIRST_INTERVAL : LATER_INTERVAL),
      (event) => this.#append({ event }),
    )
  }

  /** @throws the errors of open(2); ENXIO for a pipe, which would let nobody write until it is read */
  static async open(path: string): Promise<JournalWriter> {
    return new JournalWriter(await open(path, APPEND_AT_ONCE))
  }

  event(event: ProgressEvent): void {
    this.#coalescer.take(event)
  }

  message(message: string): void {
    this.#coalescer.flush()
    this.#append({ message })
  }

  async close(): Promise<void> {
    this.#coalescer.flush()
    await this.#writing
    await this.#file.close().catch(() => {})
  }

  #append(entry: Omit<JobLogEntry, "time">): void {
    this.#pending += `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`
    this.#writing ??= this.#write()
  }

  async #write(): Promise<void> {
    while (this.#pending !== "") {
      const text = this.#pending
      this.#pending = ""
      await this.#file.appendFile(text).catch(() => {})
    }
    this.#writing = undefined
  }
}

/** Reads a journal piece by piece while others write it, from whichever machine. */
export class JournalReader {
  readonly #path: string
  #offset = 0
  #rest: Buffer = Buffer.alloc(0)

  constructor(path: string) {
    this.#path = path
  }

  /** The whole lines that have come since the last call. Lines that make no sense are skipped. */
  async read(): Promise<JobLogEntry[]> {
    // Opened anew each time: that makes NFS ask its server what is there.
    const file = await openPlainFile(this.#path).catch(() => undefined)
    if (file === undefined) return []
    const entries: JobLogEntry[] = []
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafe(PIECE)
        const { bytesRead } = await file.read(buffer, 0, PIECE, this.#offset)
        if (bytesRead === 0) return entries
        this.#offset += bytesRead
        const text = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)])
        const end = text.lastIndexOf(0x0a) + 1
        // Nothing of ours is that long: somebody has put something else there.
        this.#rest = text.length - end > PIECE ? Buffer.alloc(0) : Buffer.from(text.subarray(end))
        for (const line of text.toString("utf8", 0, end).split("\n")) {
          const entry = parseEntry(line)
          if (entry !== undefined) entries.push(entry)
        }
      }
    } catch {
      return entries
    } finally {
      await file.close()
    }
  }
}

function parseEntry(line: string): JobLogEntry | undefined {
  if (line === "") return undefined
  try {
    const parsed = v.safeParse(JobLogEntry, JSON.parse(line))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}
