import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import { Readable, Writable } from "node:stream"
import type { Channel, ChannelEnd } from "../transport/transport.ts"
import { onFrames, readJson, writeFrame } from "./frames.ts"
import { heldConnectionGone } from "./held-connection-gone.ts"
import type { WireFailure } from "./hold-protocol.ts"
import { fromWireFailure } from "./wire-failure.ts"

/**
 * A program's channel over the connection to a holder, once it has started.
 *
 * @param lost settles when the connection that is held breaks
 * @throws DatamaestroError of the connection kind, INTERRUPTED
 */
export function openHeldChannel(
  socket: Socket,
  lost: Promise<Error>,
  signal: AbortSignal | undefined,
): Promise<Channel> {
  const proceed = (): void => void socket.resume()
  const stdout = new Readable({ read: proceed })
  const stderr = new Readable({ read: proceed })
  const stdin = inputOf(socket)
  stdin.on("error", () => undefined)
  let settleEnd: (end: ChannelEnd) => void = () => undefined
  const ended = new Promise<ChannelEnd>((resolve) => (settleEnd = resolve))
  const end = (how: ChannelEnd): void => {
    for (const stream of [stdout, stderr]) if (!stream.destroyed && !stream.readableEnded) stream.push(null)
    if (!stdin.writableFinished) stdin.destroy()
    settleEnd(how)
  }
  return new Promise<Channel>((resolve, reject) => {
    const abort = (): void => {
      reject(interrupted())
      socket.destroy()
    }
    signal?.addEventListener("abort", abort, { once: true })
    if (signal?.aborted === true) abort()
    void lost.then((error) => {
      reject(error)
      end({ code: null, signal: null, error })
      socket.destroy()
    })
    onFrames(socket, (type, content) => {
      if (type === "output") hold(stdout, content)
      else if (type === "error") hold(stderr, content)
      else if (type === "started") {
        signal?.removeEventListener("abort", abort)
        resolve({ stdin, stdout, stderr, ended, close })
      } else if (type === "failure") reject(fromWireFailure(readJson(content) as WireFailure))
      else if (type === "ended") {
        const { code, signal: name, error } = readJson(content) as ChannelEnd & { error?: WireFailure }
        end({ code, signal: name, ...(error === undefined ? {} : { error: fromWireFailure(error) }) })
      }
    })
    const hold = (stream: Readable, content: Buffer): void => {
      if (!stream.destroyed && !stream.push(Buffer.from(content))) socket.pause()
    }
    const close = (): void => {
      if (!stdin.writableEnded) stdin.end()
      stdout.resume()
      stderr.resume()
      socket.end()
    }
    socket.once("close", () => {
      signal?.removeEventListener("abort", abort)
      const error = heldConnectionGone()
      reject(error)
      end({ code: null, signal: null, error })
    })
  })
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
