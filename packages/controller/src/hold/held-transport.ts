import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import type { Channel, ExecOptions, HeldConnection, Transport } from "../transport/transport.ts"
import { writeFrame, type FrameType } from "./frames.ts"
import { openHeldChannel } from "./held-channel.ts"
import { heldConnectionGone } from "./held-connection-gone.ts"
import type { HoldRequest } from "./hold-protocol.ts"
import { connectTo } from "./holder-address.ts"

/** How long the last words to a holder may take, in milliseconds. */
const FAREWELL = 300

/** What a holder says of its connection. */
export interface Connected {
  label: string
  address: string
  /** In milliseconds since 1970. */
  since: number
  pid: number
}

/** A holder that has been reached, and what it has said so far. */
export interface HeldParts {
  path: string
  socket: Socket
  found: Connected
  reused: boolean
  lost: Promise<Error>
  signal: AbortSignal | undefined
  /** Runs until the connection has to have shown that it lives. */
  life: NodeJS.Timeout
}

/** One command's view of a connection that another process holds. */
export class HeldTransport implements Transport {
  readonly label: string
  readonly address: string
  readonly held: HeldConnection
  readonly lost: Promise<Error>
  readonly #parts: HeldParts
  #closed: Promise<void> | undefined

  constructor(parts: HeldParts) {
    const { socket, path, reused } = parts
    this.#parts = parts
    this.label = parts.found.label
    this.address = parts.found.address
    this.lost = parts.lost
    this.held = {
      reused,
      startAhead: (command) => void writeFrame(socket, "ahead", command),
      discard: async () => {
        clearTimeout(parts.life)
        socket.destroy()
        const other = await connectTo(path)
        if (other !== undefined) await farewell(other, "request", { op: "close" } satisfies HoldRequest)
      },
    }
  }

  async exec(command: string, { signal, startedBy }: ExecOptions = {}): Promise<Channel> {
    if (signal?.aborted === true) throw interrupted()
    const socket = await connectTo(this.#parts.path)
    if (socket === undefined) throw heldConnectionGone()
    writeFrame(socket, "request", { op: "exec", command, startedBy } satisfies HoldRequest)
    return await openHeldChannel(socket, this.lost, signal)
  }

  /** Says that the command is done, so that the connection stays; an interrupted one says nothing, and none does. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    const { socket, life, signal } = this.#parts
    clearTimeout(life)
    if (signal?.aborted === true) socket.destroy()
    else await farewell(socket, "done", undefined)
  }
}

async function farewell(socket: Socket, type: FrameType, content: unknown): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FAREWELL)
    socket.once("close", () => {
      clearTimeout(timer)
      resolve()
    })
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    writeFrame(socket, type, content)
    socket.end(done)
    // The system has it all already.
    if (socket.writableLength === 0) done()
  })
}
