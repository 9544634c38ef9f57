import { randomBytes } from "node:crypto"
import { chmodSync, lstatSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { connectSsh } from "../transport/connect-ssh.ts"
import type { Prompter } from "../transport/prompter.ts"
import type { Transport } from "../transport/transport.ts"
import { onFrames, readJson, writeFrame, type FrameType } from "./frames.ts"
import type { HeldStatus, HoldRequest, HolderOptions } from "./hold-protocol.ts"
import { announce, currentSocket, removeAbandoned, withdraw } from "./holder-address.ts"
import { NextProgram } from "./next-program.ts"
import { pipeChannel } from "./pipe-channel.ts"
import { SocketPrompter, type Answer } from "./socket-prompter.ts"
import { toWireFailure } from "./wire-failure.ts"

/** How long the server may take for a sign of life before the connection counts as gone, in milliseconds. */
const LIFE = 2500
/** How often it looks whether its socket is still its own, and whether this machine has slept. */
const WATCH = 2000
const SLEPT = 20_000
/** How long whoever started it may take to come. */
const FIRST_COME = 10_000

/** Keeps one connection for the commands that come to its socket, until nobody has come for a while. */
export class Holder {
  readonly #options: HolderOptions
  readonly #socket: string
  readonly #server: Server
  readonly #since = Date.now()
  readonly #abort = new AbortController()
  /** The commands that use it, each by its lease. */
  readonly #leases = new Set<Socket>()
  #transport: Transport | undefined
  #connecting: Socket | undefined
  /** Settles when it has connected, failed, or cleaned up after it was told to leave that. */
  #connected = Promise.resolve()
  readonly #ahead = new NextProgram(() => (this.#closing ? undefined : this.#transport))
  /** It has answered since it logged in. Until the session there is set up (PAM), which may take long, a server does not. */
  #hasAnswered = false
  #idleSince = Date.now()
  #idle: NodeJS.Timeout | undefined
  #closing = false
  #watched = Date.now()
  #leave: (() => void) | undefined

  constructor(options: HolderOptions) {
    this.#options = options
    this.#socket = join(options.folder, `${options.key}.${randomBytes(4).toString("hex")}.sock`)
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** @param ready called when it can be reached. Settles when it has ended. */
  async run(ready: (socket: string) => void): Promise<void> {
    const ended = new Promise<void>((resolve) => (this.#leave = resolve))
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(this.#socket, resolve)
    })
    chmodSync(this.#socket, 0o600)
    const watch = setInterval(() => this.#watch(), WATCH)
    this.#expire(FIRST_COME)
    ready(this.#socket)
    await ended
    clearInterval(watch)
    clearTimeout(this.#idle)
    this.#abort.abort()
    withdraw(this.#options.folder, this.#options.key, this.#socket)
    this.#server.close()
    this.#ahead.close()
    await this.#connected
    await this.#transport?.close()
  }

  end(): void {
    this.#closing = true
    this.#leave?.()
  }

  #accept(socket: Socket): void {
    let handle: ((type: FrameType, content: Buffer) => void) | undefined
    socket.on("error", () => undefined)
    onFrames(socket, (type, content) => {
      if (handle !== undefined) return handle(type, content)
      if (type !== "request") return void socket.destroy()
      handle = () => undefined
      const request = readJson(content) as HoldRequest
      if (request.op === "attach") handle = this.#attach(socket)
      else if (request.op === "exec") handle = this.#exec(socket, request)
      else if (request.op === "status") writeFrame(socket, "status", this.#status())
      else {
        writeFrame(socket, "status", this.#status())
        this.#closing = true
        withdraw(this.#options.folder, this.#options.key, this.#socket)
        if (this.#leases.size === 0) socket.end(() => this.end())
      }
    })
  }

  #attach(socket: Socket): (type: FrameType, content: Buffer) => void {
    let finished = false
    const prompter = new SocketPrompter(socket, this.#options.mayAsk)
    this.#leases.add(socket)
    clearTimeout(this.#idle)
    socket.on("close", () => {
      prompter.end()
      this.#leases.delete(socket)
      if (this.#connecting === socket) return this.end()
      // Whoever left without a word was killed or interrupted: that leaves nothing behind.
      if (!finished) this.#closing = true
      if (this.#leases.size > 0) return
      if (this.#closing || this.#transport === undefined) return this.end()
      this.#idleSince = Date.now()
      this.#expire(this.#options.minutes * 60_000)
      void this.#ahead.start()
    })
    if (this.#transport !== undefined) this.#greet(socket, this.#transport)
    else this.#connected = this.#connect(socket, prompter)
    return (type, body) => {
      if (type === "done") finished = true
      else if (type === "ahead") this.#ahead.wish(readJson(body) as string)
      else if (type === "answer") prompter.answer(readJson(body) as Answer)
    }
  }

  async #connect(socket: Socket, prompter: Prompter): Promise<void> {
    this.#connecting = socket
    try {
      const { target } = this.#options
      const transport = await connectSsh(target, {
        prompter,
        signal: this.#abort.signal,
        onNotice: (notice) => writeFrame(socket, "notice", notice),
      })
      this.#transport = transport
      if (this.#abort.signal.aborted) return
      // Nothing must keep the folder in use in which the command was typed.
      process.chdir("/")
      this.#connecting = undefined
      announce(this.#options.folder, this.#options.key, this.#socket)
      // Of whom it took the name, perhaps.
      removeAbandoned(this.#options.folder).catch(() => undefined)
      void transport.lost?.then((error) => this.#lost(error))
      this.#greet(socket, transport)
      transport.check?.().then(
        () => (this.#hasAnswered = true),
        // What breaks is told by `lost`.
        () => undefined,
      )
    } catch (error) {
      writeFrame(socket, "failure", toWireFailure(error))
      this.#closing = true
      socket.end()
    }
  }

  #greet(socket: Socket, transport: Transport): void {
    const { label, address } = transport
    writeFrame(socket, "connected", { label, address, since: this.#since, pid: process.pid })
    // Whether a new connection breaks again is seen by its keepalive.
    if (!this.#hasAnswered) return void writeFrame(socket, "alive", undefined)
    const late = setTimeout(() => this.#lost(silent(transport)), LIFE)
    const checked = transport.check?.() ?? Promise.resolve()
    checked.then(
      () => {
        clearTimeout(late)
        writeFrame(socket, "alive", undefined)
      },
      (error: unknown) => {
        clearTimeout(late)
        this.#lost(error)
      },
    )
  }

  /** Everybody is told, and the next one makes a new connection. */
  #lost(error: unknown): void {
    for (const lease of this.#leases) {
      writeFrame(lease, "failure", toWireFailure(error))
      lease.end()
    }
    setImmediate(() => this.end())
  }

  #exec(
    socket: Socket,
    { command, startedBy }: Extract<HoldRequest, { op: "exec" }>,
  ): (type: FrameType, body: Buffer) => void {
    const early: [FrameType, Buffer][] = []
    let receive = (type: FrameType, body: Buffer): void => void early.push([type, body])
    const begin = async (): Promise<void> => {
      if (this.#transport === undefined) throw interrupted()
      const { channel, output } = await this.#ahead.exec(this.#transport, command, startedBy)
      if (socket.destroyed) return channel.close()
      receive = pipeChannel(socket, channel, output)
      for (const [type, body] of early) receive(type, body)
    }
    begin().catch((error: unknown) => {
      writeFrame(socket, "failure", toWireFailure(error))
      socket.end()
    })
    return (type, body) => receive(type, body)
  }

  #expire(after: number): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.end(), after)
  }

  /** The socket was removed, or another has its name; or this machine has slept, and who knows what became of the link. */
  #watch(): void {
    const slept = Date.now() - this.#watched > SLEPT
    this.#watched = Date.now()
    const { folder, key } = this.#options
    const there = lstatSync(this.#socket, { throwIfNoEntry: false }) !== undefined
    const named = this.#transport === undefined || currentSocket(folder, key) === this.#socket
    if (slept || !there || !named) this.#closing = true
    if (this.#closing && this.#leases.size === 0) this.end()
  }

  #status(): HeldStatus {
    const idle = this.#leases.size === 0 ? Math.round((Date.now() - this.#idleSince) / 1000) : undefined
    return {
      pid: process.pid,
      address: this.#transport?.address ?? "",
      destination: this.#options.target.destination,
      since: this.#since,
      commands: this.#leases.size,
      ...(idle === undefined ? {} : { idle }),
      limit: this.#options.minutes * 60,
    }
  }
}

function silent({ label, address }: Transport): DatamaestroError {
  const message = `Lost the connection to "${label}" (${address}): no sign of life for ${LIFE / 1000} s`
  return new DatamaestroError("CONNECTION_LOST", message, {
    hint: "check the network and run the same command again: finished and partial downloads are kept",
    details: { host: label },
  })
}
