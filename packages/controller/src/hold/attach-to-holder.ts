import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import type { Question } from "../transport/prompter.ts"
import type { SshConnectOptions } from "../transport/ssh-connect-options.ts"
import type { Transport } from "../transport/transport.ts"
import { onFrames, readJson, writeFrame, type FrameType } from "./frames.ts"
import { heldConnectionGone } from "./held-connection-gone.ts"
import { HeldTransport, type Connected } from "./held-transport.ts"
import type { HoldRequest, WireFailure } from "./hold-protocol.ts"
import { connectTo } from "./holder-address.ts"
import { fromWireFailure } from "./wire-failure.ts"

/** A holder is on this machine: one that says nothing for so long hangs, in milliseconds. */
const ANSWER = 1500
/** How long a held connection may take for a sign of life, in milliseconds; the holder itself is a little quicker. */
const LIFE = 3000

/**
 * Uses the connection that the holder at a socket has, or makes: then what it asks is put to the person.
 *
 * @param reused whether the connection should be there
 * @returns nothing when the holder is gone or hangs
 * @throws DatamaestroError of the connection kind, INTERRUPTED
 */
export async function attachToHolder(
  path: string,
  reused: boolean,
  options: SshConnectOptions,
): Promise<Transport | undefined> {
  const socket = await connectTo(path)
  if (socket === undefined) return undefined
  writeFrame(socket, "request", { op: "attach" } satisfies HoldRequest)
  const attachment = new Attachment(socket, reused, options)
  try {
    const found = await attachment.connected
    if (found === undefined) {
      socket.destroy()
      return undefined
    }
    const life = setTimeout(() => attachment.requireLife(), LIFE)
    life.unref()
    return new HeldTransport({ path, socket, found, reused, lost: attachment.lost, signal: options.signal, life })
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** What a holder says over the socket of one command. */
class Attachment {
  /** Nothing: the holder is gone or hangs. Rejects when it can't connect, or the person has interrupted or not answered. */
  readonly connected: Promise<Connected | undefined>
  readonly lost: Promise<Error>
  readonly #socket: Socket
  readonly #options: SshConnectOptions
  readonly #silence: NodeJS.Timeout | undefined
  readonly #abort = (): void => this.#giveUp(interrupted())
  #settle!: (found: Connected | undefined) => void
  #reject!: (error: unknown) => void
  #reportLoss!: (error: Error) => void
  #alive = false

  constructor(socket: Socket, reused: boolean, options: SshConnectOptions) {
    this.#socket = socket
    this.#options = options
    this.lost = new Promise((resolve) => (this.#reportLoss = resolve))
    this.connected = new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#reject = reject
    })
    this.#silence = reused ? setTimeout(() => this.#settle(undefined), ANSWER) : undefined
    options.signal?.addEventListener("abort", this.#abort, { once: true })
    // It may have been while the socket was being connected.
    if (options.signal?.aborted === true) this.#abort()
    onFrames(socket, (type, content) => this.#hear(type, content))
    socket.once("close", () => {
      this.#stopWaiting()
      if (reused) this.#settle(undefined)
      else this.#reject(heldConnectionGone())
      this.#reportLoss(heldConnectionGone())
    })
  }

  /** Takes the connection for lost, unless it has shown by now that it lives. */
  requireLife(): void {
    if (!this.#alive) this.#reportLoss(heldConnectionGone())
  }

  #hear(type: FrameType, content: Buffer): void {
    if (type === "alive") this.#alive = true
    else if (type === "notice")
      this.#options.onNotice(readJson(content) as Parameters<SshConnectOptions["onNotice"]>[0])
    else if (type === "question") this.#ask(readJson(content) as Question & { id: number })
    else if (type === "connected") {
      // From here on an interruption needs the connection, to cancel over it.
      this.#stopWaiting()
      this.#settle(readJson(content) as Connected)
    } else if (type === "failure") {
      const error = fromWireFailure(readJson(content) as WireFailure)
      this.#reject(error)
      this.#reportLoss(error)
    }
  }

  #ask({ id, ...question }: Question & { id: number }): void {
    this.#options.prompter.ask(question).then(
      (answer) => writeFrame(this.#socket, "answer", { id, text: answer }),
      (error: unknown) => this.#giveUp(error),
    )
  }

  #giveUp(reason: unknown): void {
    this.#reject(reason)
    this.#socket.destroy()
  }

  #stopWaiting(): void {
    clearTimeout(this.#silence)
    this.#options.signal?.removeEventListener("abort", this.#abort)
  }
}
