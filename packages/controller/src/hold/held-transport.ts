import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import type { SshConnectOptions } from "../transport/ssh-connect-options.ts"
import type { Channel, ExecOptions, HeldConnection, Transport } from "../transport/transport.ts"
import { onFrames, readJson, writeFrame, type FrameType } from "./frames.ts"
import { openHeldChannel } from "./held-channel.ts"
import { heldConnectionGone } from "./held-connection-gone.ts"
import type { HoldRequest, WireFailure } from "./hold-protocol.ts"
import type { Question } from "../transport/prompter.ts"
import { connectTo } from "./holder-address.ts"
import { fromWireFailure } from "./wire-failure.ts"

/** A holder is on this machine: one that says nothing for so long hangs, in milliseconds. */
const ANSWER = 1500
/** How long a held connection may take for a sign of life; the holder itself is a little quicker. */
const LIFE = 3000
/** How long the last words to a holder may take. */
const FAREWELL = 300

interface Connected {
  label: string
  address: string
  since: number
  pid: number
}

/**
 * Uses the connection that the holder at a socket has, or makes: then what it asks is put to the person.
 *
 * @param reused whether the connection should be there
 * @returns nothing when the holder is gone or hangs
 * @throws DatamaestroError of the connection kind, INTERRUPTED
 */
export async function attachTo(
  path: string,
  reused: boolean,
  options: SshConnectOptions,
): Promise<Transport | undefined> {
  const socket = await connectTo(path)
  if (socket === undefined) return undefined
  writeFrame(socket, "request", { op: "attach" } satisfies HoldRequest)
  const { signal, prompter, onNotice } = options
  let alive = false
  let reportLoss: (error: Error) => void = () => undefined
  const lost = new Promise<Error>((resolve) => (reportLoss = resolve))
  const connected = new Promise<Connected | undefined>((resolve, reject) => {
    const abort = (): void => {
      reject(interrupted())
      socket.destroy()
    }
    signal?.addEventListener("abort", abort, { once: true })
    // It may have been while the socket was being connected.
    if (signal?.aborted === true) abort()
    const timer = reused ? setTimeout(() => resolve(undefined), ANSWER) : undefined
    onFrames(socket, (type, content) => {
      if (type === "alive") alive = true
      else if (type === "notice") onNotice(readJson(content) as Parameters<typeof onNotice>[0])
      else if (type === "question") {
        const { id, ...question } = readJson(content) as Question & { id: number }
        prompter.ask(question).then(
          (answer) => writeFrame(socket, "answer", { id, text: answer }),
          (error: unknown) => {
            reject(error)
            socket.destroy()
          },
        )
      } else if (type === "connected") {
        clearTimeout(timer)
        // From here on an interruption needs the connection, to cancel over it.
        signal?.removeEventListener("abort", abort)
        resolve(readJson(content) as Connected)
      } else if (type === "failure") {
        const error = fromWireFailure(readJson(content) as WireFailure)
        reject(error)
        reportLoss(error)
      }
    })
    socket.once("close", () => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", abort)
      if (reused) resolve(undefined)
      else reject(heldConnectionGone())
      reportLoss(heldConnectionGone())
    })
  })
  let found: Connected | undefined
  try {
    found = await connected
  } catch (error) {
    socket.destroy()
    throw error
  }
  if (found === undefined) {
    socket.destroy()
    return undefined
  }
  const life = setTimeout(() => {
    if (!alive) reportLoss(heldConnectionGone())
  }, LIFE)
  life.unref()
  return new HeldTransport({ path, socket, found, reused, lost, signal, life })
}

interface Parts {
  path: string
  socket: Socket
  found: Connected
  reused: boolean
  lost: Promise<Error>
  signal: AbortSignal | undefined
  life: NodeJS.Timeout
}

/** One command's view of a connection that another process holds. */
class HeldTransport implements Transport {
  readonly label: string
  readonly address: string
  readonly held: HeldConnection
  readonly lost: Promise<Error>
  readonly #parts: Parts
  #closed: Promise<void> | undefined

  constructor(parts: Parts) {
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
    writeFrame(socket, type, content)
    socket.end(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
