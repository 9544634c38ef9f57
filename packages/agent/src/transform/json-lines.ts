import { DatamaestroError } from "@datamaestro/protocol"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const NEWLINE = Buffer.from("\n")
const OPENING = new Map([
  [0x5b, 0x5d],
  [0x7b, 0x7d],
])
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d])
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Elements up to this size are parsed before they are passed on; of larger ones only the brackets are watched. */
const PARSED_BYTES = 16 * 1024 * 1024
const BATCH_BYTES = 1024 * 1024
const DEEPEST = 1000

/**
 * Makes a line of each element of a JSON array (RFC 8259), its bytes as they were, save that blanks between
 * tokens become one.
 * Memory does not grow with the array.
 *
 * @throws DatamaestroError CORRUPT for what is no array in JSON, TRUNCATED when its end is missing
 */
export async function* jsonArrayToLines(source: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const reader = new ArrayReader(name)
  for await (const chunk of source) {
    reader.read(chunk)
    if (reader.bytes >= BATCH_BYTES) yield reader.take()
  }
  reader.end()
  if (reader.bytes > 0) yield reader.take()
}

type State = "start" | "element" | "after" | "done"

class ArrayReader {
  readonly #name: string
  #state: State = "start"
  /** The brackets to come, innermost last, of the element that is being read. */
  readonly #open: number[] = []
  #inString = false
  #escaped = false
  /** The last byte of the element was a blank: one is enough. */
  #blank = false
  /** A comma has been seen, so an element must follow. */
  #expecting = false
  #element: Buffer[] = []
  #elementBytes = 0
  #elements = 0
  #parts: Buffer[] = []
  #seen = 0
  bytes = 0

  constructor(name: string) {
    this.#name = name
  }

  take(): Buffer {
    const all = Buffer.concat(this.#parts)
    this.#parts = []
    this.bytes = 0
    return all
  }

  read(chunk: Buffer): void {
    let at = 0
    if (this.#seen === 0 && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK)) at = 3
    let from = at
    let backslash = -1
    let quote = -1
    for (; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (this.#state === "element") {
        if (this.#inString) {
          // Straight to the next byte that means something: most of a file is text.
          if (this.#escaped) {
            this.#escaped = false
            continue
          }
          if (backslash < at) backslash = indexOrEnd(chunk, BACKSLASH, at)
          if (quote < at) quote = indexOrEnd(chunk, QUOTE, at)
          at = Math.min(backslash, quote)
          if (at === chunk.length) break
          if (at === backslash) this.#escaped = true
          else this.#inString = false
          continue
        }
        const ends = this.#open.length === 0 && (byte === COMMA || byte === 0x5d)
        if (!ends && !BLANKS.has(byte)) {
          this.#blank = false
          this.#token(byte)
          continue
        }
        this.#add(chunk.subarray(from, at))
        from = at + 1
        if (!ends) {
          // A blank after a number or a word ends it: `1 2` must not become `12`.
          if (!this.#blank) this.#add(Buffer.from(" "))
          this.#blank = true
          continue
        }
        this.#finish()
      }
      from = this.#between(byte, at)
    }
    if (this.#state === "element" && from < chunk.length) this.#add(chunk.subarray(from))
    this.#seen += chunk.length
  }

  end(): void {
    if (this.#state === "done") return
    throw new DatamaestroError("TRUNCATED", `Cannot read "${this.#name}": its JSON array does not end`, {
      hint: "the file is not whole: try again; if it stays, tell the author of the dataset's definition",
      details: { elements: this.#elements },
    })
  }

  /** A byte outside of elements; gives where the element's bytes begin, if one does. */
  #between(byte: number, at: number): number {
    if (BLANKS.has(byte)) return at + 1
    if (this.#state === "start") {
      if (byte !== 0x5b) throw this.#corrupt("it is no JSON array")
      this.#state = "after"
      return at + 1
    }
    if (this.#state === "done") throw this.#corrupt("something follows its JSON array")
    if (byte === 0x5d && !this.#expecting) {
      this.#state = "done"
      return at + 1
    }
    if (byte === COMMA && this.#elements > 0 && !this.#expecting) {
      this.#expecting = true
      return at + 1
    }
    if (byte === COMMA || byte === 0x5d || (this.#elements > 0 && !this.#expecting)) {
      throw this.#corrupt("an element of its JSON array is missing")
    }
    this.#state = "element"
    this.#expecting = false
    this.#blank = false
    this.#token(byte)
    return at
  }

  #token(byte: number): void {
    const closing = OPENING.get(byte)
    if (closing !== undefined) {
      if (this.#open.push(closing) > DEEPEST) throw this.#corrupt("it is nested too deeply")
    } else if (byte === QUOTE) this.#inString = true
    else if ((byte === 0x5d || byte === 0x7d) && this.#open.pop() !== byte) {
      throw this.#corrupt("its brackets do not match")
    }
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#elementBytes += bytes.length
    // The chunk's memory may be used again by whoever gave it.
    this.#element.push(Buffer.from(bytes))
    if (this.#elementBytes <= PARSED_BYTES) return
    this.#pass(this.#element)
    this.#element = []
  }

  #finish(): void {
    if (this.#elementBytes <= PARSED_BYTES) {
      const text = Buffer.concat(this.#element).toString("utf8")
      try {
        JSON.parse(text)
      } catch (error) {
        throw this.#corrupt(`element ${this.#elements} is no JSON`, error)
      }
      this.#element = [Buffer.from(text.trimEnd())]
    }
    this.#pass([...this.#element, NEWLINE])
    this.#element = []
    this.#elementBytes = 0
    this.#elements++
    this.#state = "after"
  }

  #pass(parts: readonly Buffer[]): void {
    this.#parts.push(...parts)
    for (const part of parts) this.bytes += part.length
  }

  #corrupt(reason: string, cause?: unknown): DatamaestroError {
    return new DatamaestroError("CORRUPT", `Cannot read "${this.#name}": ${reason}`, {
      hint: "the source has changed: tell the author of the dataset's definition",
      details: { elements: this.#elements },
      cause,
    })
  }
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from)
  return index < 0 ? chunk.length : index
}
