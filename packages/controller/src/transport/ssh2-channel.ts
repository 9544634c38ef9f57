import { Readable, Writable } from "node:stream"
import type { ClientChannel } from "ssh2"
import type { Channel, ChannelEnd } from "./transport.ts"

/**
 * Makes a channel of ssh2 behave like the streams of a process. ssh2's own is one duplex that forgets the callback of
 * a write when the link breaks, waits with its end until somebody has read everything, and closes the channel, exit
 * status or not, when a reader is done with it.
 *
 * @param lost aborts with the reason when the connection breaks, before ssh2 tears its channels down
 */
export function openChannel(source: ClientChannel, lost: AbortSignal): Channel {
  let inFlight: ((error?: Error) => void) | undefined
  const stdin = new Writable({
    highWaterMark: 256 * 1024,
    write: (chunk: Buffer, _encoding, done) => {
      inFlight = done
      source.write(chunk, () => {
        if (inFlight !== done) return
        inFlight = undefined
        done()
      })
    },
    final: (done) => {
      source.end()
      done()
    },
    destroy: (error, done) => {
      source.end()
      done(error)
    },
  })
  // Whoever writes hears of it through the write; one that has long finished must not bring the process down.
  stdin.on("error", () => undefined)
  const stdout = readableOf(source)
  const stderr = readableOf(source.stderr)

  let code: number | null = null
  let signal: string | null = null
  source.on("exit", (status: number | null, name?: string) => {
    code = status
    signal = name ?? null
  })

  const ended = new Promise<ChannelEnd>((resolve) => {
    const settle = (error?: Error): void => {
      // A held connection outlives thousands of channels.
      lost.removeEventListener("abort", broken)
      const reason = error ?? new Error("The program has ended and reads no more")
      inFlight?.(reason)
      inFlight = undefined
      if (!stdin.writableFinished) stdin.destroy(reason)
      // What has arrived stays readable: only `error` tells that it may not be all.
      resolve({ code, signal, ...(error === undefined ? {} : { error }) })
    }
    const broken = (): void => settle(lost.reason as Error)
    lost.addEventListener("abort", broken)
    if (lost.aborted) broken()
    // Without an exit status it may be the connection's end, which is told right after its channels'.
    source.once("close", () => (code === null && signal === null ? void setImmediate(settle) : settle()))
  })

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

/** Hands on what arrives, and holds the sender back (through the channel's window) while nobody reads. */
function readableOf(source: Readable): Readable {
  const stream = new Readable({
    highWaterMark: 256 * 1024,
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
