import type { Socket } from "node:net"

/** What one byte in front of a frame says of its content, by its place here. JSON, save the streams' bytes. */
const TYPES = [
  // To the holder.
  "request",
  "answer",
  "ahead",
  "done",
  "input",
  "inputEnd",
  // From the holder.
  "connected",
  "alive",
  "question",
  "notice",
  "failure",
  "started",
  "output",
  "error",
  "ended",
  "status",
] as const

export type FrameType = (typeof TYPES)[number]

const HEADER = 5
/** More is no frame of ours. */
const MAX_FRAME = 16 * 1024 * 1024

/** A frame is its length (4 bytes, big endian), its type (1 byte), its content. */
export function writeFrame(socket: Socket, type: FrameType, content: unknown): boolean {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(content === undefined ? "" : JSON.stringify(content))
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(body.length)
  header.writeUInt8(TYPES.indexOf(type), 4)
  if (socket.destroyed || socket.writableEnded) return true
  if (body.length === 0) return socket.write(header)
  socket.cork()
  socket.write(header)
  const flowing = socket.write(body)
  socket.uncork()
  return flowing
}

/** Cuts what arrives into frames; what is no frame of ours ends the connection. */
export function onFrames(socket: Socket, listener: (type: FrameType, content: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= HEADER) {
      const length = pending.readUInt32BE(0)
      const type = TYPES[pending.readUInt8(4)]
      if (type === undefined || length > MAX_FRAME) return void socket.destroy()
      if (pending.length < HEADER + length) return
      const content = pending.subarray(HEADER, HEADER + length)
      pending = pending.subarray(HEADER + length)
      listener(type, content)
    }
  })
}

/** @throws SyntaxError when it is no JSON */
export function readJson(content: Buffer): unknown {
  return content.length === 0 ? undefined : JSON.parse(content.toString())
}
