import { Readable, Writable } from "node:stream"
import type { ClientChannel } from "ssh2"
import type { Channel, ChannelEnd } from "./transport.ts"

/** What waits here of what comes or goes, before whoever sends it is held back. */
const BUFFER_BYTES = 256 * 1024

/**
 * Makes a channel of ssh2 behave like the streams of a process. ssh2's own is one duplex that forgets the callback of
 * a write when the link breaks, waits with its end until somebody has read everything, and closes the channel, exit
 * status or not, when a reader is done with it.
 *
 * @param lost aborts with the reason when the connection breaks, before ssh2 tears its channels down
 */
export function openChannel(source: ClientChannel, lost: AbortSignal): Channel {
  const stdin = new ChannelInput(source)
  const stdout = readableOf(source)
  const stderr = readableOf(source.stderr)
  const ended = endOf(source, lost, (reason) => stdin.breakOff(reason))
  return {
    stdin,
    stdout,
    stderr,
    ended,
    close: () => {
      if (!stdin.writableEnded && !stdin.destroyed) stdin.end()
      source.close()
      // Nobody reads on: without this the channel would wait for its last bytes to be taken.
      source.resume()
      source.stderr.resume()
    },
  }
}

/** What is written to a program; nothing waits for ever for a channel that has broken. */
class ChannelInput extends Writable {
  readonly #source: ClientChannel
  #inFlight: ((error?: Error) => void) | undefined

  constructor(source: ClientChannel) {
    super({ highWaterMark: BUFFER_BYTES })
    this.#source = source
    // Whoever writes hears of it through the write; one that has long finished must not bring the process down.
    this.on("error", () => undefined)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#inFlight = done
    this.#source.write(chunk, () => {
      if (this.#inFlight !== done) return
      this.#inFlight = undefined
      done()
    })
  }

  override _final(done: () => void): void {
    this.#source.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.end()
    done(error)
  }

  /** The program reads no more: what waits to be written fails. */
  breakOff(reason: Error): void {
    this.#inFlight?.(reason)
    this.#inFlight = undefined
    if (!this.writableFinished) this.destroy(reason)
  }
}

/** How the program ends. What has arrived by then stays readable: only `error` tells that it may not be all. */
function endOf(source: ClientChannel, lost: AbortSignal, onEnd: (reason: Error) => void): Promise<ChannelEnd> {
  let code: number | null = null
  let signal: string | null = null
  source.on("exit", (status: number | null, name?: string) => {
    code = status
    signal = name ?? null
  })
  return new Promise<ChannelEnd>((resolve) => {
    const settle = (error?: Error): void => {
      // A held connection outlives thousands of channels.
      lost.removeEventListener("abort", broken)
      onEnd(error ?? new Error("The program has ended and reads no more"))
      resolve({ code, signal, ...(error === undefined ? {} : { error }) })
    }
    const broken = (): void => settle(lost.reason as Error)
    lost.addEventListener("abort", broken)
    if (lost.aborted) broken()
    // Without an exit status it may be the connection's end, which is told right after its channels'.
    source.once("close", () => (code === null && signal === null ? void setImmediate(settle) : settle()))
  })
}

/** Hands on what arrives, and holds the sender back (through the channel's window) while nobody reads. */
function readableOf(source: Readable): Readable {
  const stream = new Readable({
    highWaterMark: BUFFER_BYTES,
    read: () => void source.resume(),
    destroy: (error, done) => {
      source.resume()
      done(error)
    },
  })
  source.pause()
  source.on("data", (chunk: Buffer) => {
    if (!stream.destroyed && !stream.push(chunk)) source.pause()
  })
  source.once("end", () => {
    if (!stream.destroyed) stream.push(null)
  })
  return stream
}
