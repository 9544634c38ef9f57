import { frames, LineDecoder, type LinePort } from "@datamaestro/protocol"
import type { Readable, Writable } from "node:stream"

/** How long input is read after nobody takes output any more, in milliseconds: by then its end was read, too. */
const LAST_WORDS = 500

type Write = (data: string | Uint8Array, written?: () => void) => boolean

/** The agent's end of the channel. */
export class StdioPort implements LinePort {
  readonly #input: Readable
  readonly #write: Write
  readonly #decoder: LineDecoder
  #onLine: ((line: string) => void) | undefined
  #onBytes: ((stream: number, bytes: Uint8Array) => void) | undefined
  #onClose: ((reason?: Error) => void) | undefined
  #closed = false

  /** @param write the output's own, where `output.write` was put to another use */
  constructor(input: Readable, output: Writable, write: Write) {
    this.#input = input
    this.#write = write
    this.#decoder = new LineDecoder({
      onLine: (line) => this.#onLine?.(line),
      onBytes: (stream, bytes) => this.#onBytes?.(stream, bytes),
    })
    // What the controller said before it went is still read: that it cancels, above all.
    output.on("error", (error) => setTimeout(() => this.#end(error), LAST_WORDS).unref())
    input.on("error", (error) => this.#end(error))
    input.on("end", () => this.#end())
    input.on("close", () => this.#end())
    input.on("data", (chunk: Buffer) => this.#receive(chunk))
    // The bootstrap has paused it, with what it read beyond its own put back.
    input.resume()
  }

  send(line: string): void {
    if (!this.#closed) this.#write(`${line}\n`)
  }

  async sendBytes(stream: number, bytes: Uint8Array): Promise<void> {
    for (const { header, piece } of frames(stream, bytes)) {
      if (this.#closed) return
      // At once: nothing may come between the two.
      this.#write(header)
      await new Promise<void>((resolve) => this.#write(piece, resolve))
    }
  }

  onLine(listener: (line: string) => void): void {
    this.#onLine = listener
  }

  onBytes(listener: (stream: number, bytes: Uint8Array) => void): void {
    this.#onBytes = listener
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#onClose = listener
  }

  close(): void {
    this.#end()
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.#end(error as Error)
    }
  }

  #end(reason?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#input.pause()
    this.#onClose?.(reason)
  }
}
