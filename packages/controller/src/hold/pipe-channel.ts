import type { Socket } from "node:net"
import type { Readable } from "node:stream"
import type { Channel } from "../transport/transport.ts"
import { writeFrame, type FrameType } from "./frames.ts"
import { toWireFailure } from "./wire-failure.ts"
import { outputEnd } from "../transport/output-end.ts"

/**
 * Joins a running program to the connection of a command, each side held back by the other.
 *
 * @param output what it has printed already
 * @returns what takes the frames that come from the command
 */
export function pipeChannel(socket: Socket, channel: Channel, output: Buffer): (type: FrameType, body: Buffer) => void {
  writeFrame(socket, "started", undefined)
  if (output.length > 0) writeFrame(socket, "output", output)
  const send = (stream: Readable, type: FrameType): void => {
    stream.on("data", (chunk: Buffer) => {
      if (writeFrame(socket, type, chunk) || stream.isPaused()) return
      stream.pause()
      socket.once("drain", () => stream.resume())
    })
    stream.on("error", () => undefined)
    stream.resume()
  }
  send(channel.stdout, "output")
  send(channel.stderr, "error")
  channel.stdin.on("error", () => undefined)
  void channel.ended.then(async ({ code, signal, error }) => {
    await Promise.all([outputEnd(channel.stdout), outputEnd(channel.stderr)])
    const failure = error === undefined ? {} : { error: toWireFailure(error) }
    writeFrame(socket, "ended", { code, signal, ...failure })
    socket.end()
  })
  // The command has ended or let go: to the program it is a closed connection.
  socket.on("close", () => channel.close())
  return (type, body) => {
    if (type === "inputEnd") channel.stdin.end()
    if (type !== "input" || !channel.stdin.writable) return
    if (channel.stdin.write(Buffer.from(body))) return
    socket.pause()
    const proceed = (): void => {
      channel.stdin.off("drain", proceed).off("close", proceed)
      socket.resume()
    }
    channel.stdin.on("drain", proceed).on("close", proceed)
  }
}
