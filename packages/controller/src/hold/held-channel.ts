import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import { Readable, Writable } from "node:stream"
import type { Channel, ChannelEnd } from "../transport/transport.ts"
import { onFrames, readJson, writeFrame, type FrameType } from "./frames.ts"
import { heldConnectionGone } from "./held-connection-gone.ts"
import type { WireFailure } from "./hold-protocol.ts"
import { fromWireFailure } from "./wire-failure.ts"

/**
 * A program's channel over the connection to a holder, once it has started.
 *
 * @param lost settles when the connection that is held breaks
 * @throws DatamaestroError of the connection kind, INTERRUPTED
 */
export async function openHeldChannel(
  socket: Socket,
  lost: Promise<Error>,
  signal: AbortSignal | undefined,
): Promise<Channel> {
  const channel = new HeldChannel(socket)
  const abort = (): void => channel.abandon(interrupted())
  signal?.addEventListener("abort", abort, { once: true })
  if (signal?.aborted === true) abort()
  void lost.then((error) => channel.abandon(error))
  try {
    await channel.started
    return channel
  } finally {
    signal?.removeEventListener("abort", abort)
  }
}

class HeldChannel implements Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Rejects when the program can't be started. */
  readonly started: Promise<void>
  readonly ended: Promise<ChannelEnd>
  readonly #socket: Socket
  #begin!: () => void
  #fail!: (error: Error) => void
  #settle!: (end: ChannelEnd) => void

  constructor(socket: Socket) {
    this.#socket = socket
    const proceed = (): void => void socket.resume()
    this.stdout = new Readable({ read: proceed })
    this.stderr = new Readable({ read: proceed })
    this.stdin = inputOf(socket)
    this.stdin.on("error", () => undefined)
    this.started = new Promise((resolve, reject) => ([this.#begin, this.#fail] = [resolve, reject]))
    this.ended = new Promise((resolve) => (this.#settle = resolve))
    onFrames(socket, (type, content) => this.#receive(type, content))
    socket.once("close", () => this.abandon(heldConnectionGone()))
  }

  close(): void {
    if (!this.stdin.writableEnded) this.stdin.end()
    this.stdout.resume()
    this.stderr.resume()
    this.#socket.end()
  }

  /** Ends it as a connection that broke. */
  abandon(error: Error): void {
    this.#fail(error)
    this.#end({ code: null, signal: null, error })
    this.#socket.destroy()
  }

  #receive(type: FrameType, content: Buffer): void {
    if (type === "output") this.#pass(this.stdout, content)
    else if (type === "error") this.#pass(this.stderr, content)
    else if (type === "started") this.#begin()
    else if (type === "failure") this.#fail(fromWireFailure(readJson(content) as WireFailure))
    else if (type === "ended") {
      const { code, signal, error } = readJson(content) as ChannelEnd & { error?: WireFailure }
      this.#end({ code, signal, ...(error === undefined ? {} : { error: fromWireFailure(error) }) })
    }
  }

  #pass(stream: Readable, content: Buffer): void {
    if (!stream.destroyed && !stream.push(Buffer.from(content))) this.#socket.pause()
  }

  #end(how: ChannelEnd): void {
    for (const stream of [this.stdout, this.stderr]) {
      if (!stream.destroyed && !stream.readableEnded) stream.push(null)
    }
    if (!this.stdin.writableFinished) this.stdin.destroy()
    this.#settle(how)
  }
}

/** What is written goes out as frames, and waits while the holder takes none. */
function inputOf(socket: Socket): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (socket.destroyed) return done(new Error("the connection is closed"))
      if (writeFrame(socket, "input", chunk)) return done()
      const settle = (): void => {
        socket.off("drain", settle).off("close", settle)
        done()
      }
      socket.on("drain", settle).on("close", settle)
    },
    final: (done) => {
      writeFrame(socket, "inputEnd", undefined)
      done()
    },
  })
}
