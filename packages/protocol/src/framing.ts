import { DatamaestroError } from "./errors.ts"

/**
 * The first line an agent writes. All that a shell's start-up files print before it is noise.
 * The trailing number is the framing's version, not the contract's.
 */
export const MAGIC = "@@datamaestro-agent/1"

/** The longest line taken from the other side, in bytes: more is a broken or hostile peer. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

/** How much noise before the magic line is kept to be shown when the magic never comes, in bytes. */
export const MAX_NOISE_BYTES = 16 * 1024

const NEWLINE = 0x0a

/** The most bytes of a frame. */
const MAX_FRAME_BYTES = 1024 * 1024

export interface LineDecoderOptions {
  onLine: (line: string) => void
  /** Wait for this line first, dropping what comes before it. */
  magic?: string
  onMagic?: () => void
  maxLineBytes?: number
  /** Takes the bytes of frames, see `frames`, as they come; without it a frame is a line like others. */
  onBytes?: (stream: number, bytes: Uint8Array) => void
}

/**
 * Cuts bytes into frames, each to be written in one go: nothing may come between its two. What stands before the bytes is a line
 * that no JSON begins like.
 *
 * @param stream whose bytes they are: of a request, or of what is relayed
 */
export function* frames(stream: number, bytes: Uint8Array): Generator<{ header: string; piece: Uint8Array }> {
  for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES) {
    const piece = bytes.subarray(at, at + MAX_FRAME_BYTES)
    yield { header: `#${stream} ${piece.length}\n`, piece }
  }
}

/** @returns nothing when the line announces no frame */
function parseFrameHeader(line: string): { stream: number; length: number } | undefined {
  const match = /^#(\d{1,9}) (\d{1,7})$/.exec(line)
  if (match === null) return undefined
  const length = Number(match[2])
  return length > MAX_FRAME_BYTES ? undefined : { stream: Number(match[1]), length }
}

/** Cuts a byte stream into UTF-8 lines, after skipping noise up to a magic line. */
export class LineDecoder {
  readonly #options: LineDecoderOptions
  readonly #decoder = new TextDecoder("utf-8")
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #waiting: boolean
  #noise = ""
  /** What is still to come of a frame. */
  #frame: { stream: number; left: number } | undefined

  constructor(options: LineDecoderOptions) {
    this.#options = options
    this.#waiting = options.magic !== undefined
  }

  /** What was printed before the magic line: its last bytes, for an error message. */
  get noise(): string {
    return this.#waiting ? this.#noise + this.#decoder.decode(concat(this.#pending)) : this.#noise
  }

  /** @throws DatamaestroError PROTOCOL_MISMATCH when a line is longer than allowed */
  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length;) {
      if (this.#frame !== undefined) {
        start += this.#takeBytes(this.#frame, chunk.subarray(start))
        continue
      }
      const end = chunk.indexOf(NEWLINE, start)
      if (end === -1) return this.#keep(chunk.slice(start))
      this.#pending.push(chunk.subarray(start, end))
      const line = concat(this.#pending)
      this.#pending = []
      this.#pendingBytes = 0
      start = end + 1
      this.#take(line)
    }
  }

  #keep(rest: Uint8Array): void {
    this.#pending.push(rest)
    this.#pendingBytes += rest.length
    this.#limitPending()
  }

  /** @returns how many of them belong to the frame */
  #takeBytes(frame: { stream: number; left: number }, bytes: Uint8Array): number {
    const taken = bytes.subarray(0, frame.left)
    frame.left -= taken.length
    if (frame.left === 0) this.#frame = undefined
    this.#options.onBytes?.(frame.stream, taken)
    return taken.length
  }

  #take(line: Uint8Array): void {
    const text = this.#decoder.decode(line)
    if (!this.#waiting) {
      const frame = this.#options.onBytes === undefined ? undefined : parseFrameHeader(text)
      if (frame === undefined) {
        if (text.trim() !== "") this.#options.onLine(text)
      } else if (frame.length > 0) this.#frame = { stream: frame.stream, left: frame.length }
      return
    }
    // A prompt or an unfinished line of noise may stand right before the magic.
    if (text.trimEnd().endsWith(this.#options.magic ?? "")) {
      this.#waiting = false
      this.#options.onMagic?.()
      return
    }
    this.#noise = (this.#noise + text + "\n").slice(-MAX_NOISE_BYTES)
  }

  #limitPending(): void {
    if (this.#waiting) {
      if (this.#pendingBytes <= MAX_NOISE_BYTES) return
      const tail = concat(this.#pending).slice(-MAX_NOISE_BYTES)
      this.#pending = [tail]
      this.#pendingBytes = tail.length
      return
    }
    const limit = this.#options.maxLineBytes ?? MAX_LINE_BYTES
    if (this.#pendingBytes <= limit) return
    throw new DatamaestroError(
      "PROTOCOL_MISMATCH",
      `Cannot read a message longer than ${limit} bytes from the other side`,
    )
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}
