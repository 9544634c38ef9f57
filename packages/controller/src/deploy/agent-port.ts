import { DatamaestroError, frames, LineDecoder, MAGIC, type LinePort } from "@datamaestro/protocol"
import { outputEnd } from "../transport/output-end.ts"
import type { Channel, ChannelEnd } from "../transport/transport.ts"
import { agentEnded } from "./agent-ended.ts"
import { BOOT_MAGIC, OWN_LINE, UPLOAD_PREFIX, type BootLine, type UploadHeader } from "./boot-protocol.ts"
import { bootFailure, type BootFailure } from "./boot-failure.ts"
import { chosenNode, neededLibraries } from "./chosen-node.ts"
import { parseBootLine } from "./parse-boot-line.ts"
import { SACRIFICE } from "./sacrifice.ts"
import { TextTail } from "./text-tail.ts"

export type Hello = Extract<BootLine, { type: "hello" }> & {
  /** The `LD_LIBRARY_PATH` by which the probe started Node, since it needs that. */
  libraries?: string | undefined
}
type Stored = Extract<BootLine, { type: "stored" }>

export interface AgentPortOptions {
  /** How errors call the machine. */
  label: string
  /** `--node`, for errors. */
  node: string
  /** How long the bootstrap and the agent may take to speak, without an upload going on, in milliseconds. */
  bootTimeout: number
  onHello(hello: Hello): void
  onStored(stored: Stored): void
}

const HEARTBEAT = JSON.stringify({ jsonrpc: "2.0", method: "$/heartbeat", params: {} })
const UPLOAD_CHUNK = 64 * 1024
/** In each message that we send, and in nothing that start-up files print. */
const OURS = "jsonrpc"
/** How long what reads our messages in the agent's place may go on telling of it, in milliseconds. */
const MISREAD_GRACE = 1000

/**
 * The controller's end of a channel on which an agent is being started: skips what start-up files print, follows
 * the bootstrap, then carries lines. Lines may be sent at once; they wait in the channel.
 */
export class AgentPort implements LinePort {
  readonly #channel: Channel
  readonly #options: AgentPortOptions
  readonly #stderr = new TextTail(4096)
  readonly #decoder: LineDecoder
  #phase: "noise" | "boot" | "agent" = "noise"
  #deadline: ReturnType<typeof setTimeout> | undefined
  #failure: Error | undefined
  #onLine: ((line: string) => void) | undefined
  #onBytes: ((stream: number, bytes: Uint8Array) => void) | undefined
  #onClose: ((reason?: Error) => void) | undefined
  #sacrificed = false
  /** What we sent came back, e.g. as commands that a shell doesn't know: it won't reach the agent any more. */
  #misread = false
  /** What came where errors belong, among it what ours said. */
  #stray: string | undefined
  #answered = false
  #closed = false
  /** The program has ended: nothing is taken any more. */
  #ended = false
  /** Who waits for the channel to take more. */
  readonly #waiting = new Set<() => void>()

  constructor(channel: Channel, options: AgentPortOptions) {
    this.#channel = channel
    this.#options = options
    this.#decoder = new LineDecoder({
      onLine: (line) => this.#bootLine(line),
      magic: BOOT_MAGIC,
      onMagic: () => {
        this.#phase = "boot"
        if (this.#stray === undefined) return
        this.#stray = undefined
        this.#restartDeadline()
      },
      onBytes: (stream, bytes) => this.#onBytes?.(stream, bytes),
    })
    channel.stdout.on("data", (chunk: Buffer) => this.#receive(chunk))
    channel.stderr.on("data", (chunk: Buffer) => {
      this.#stderr.push(chunk)
      this.#noticeStray()
      this.#noticeMisreading(chunk)
    })
    for (const stream of [channel.stdin, channel.stdout, channel.stderr]) stream.on("error", () => {})
    for (const event of ["drain", "close", "error"]) channel.stdin.on(event, () => this.#proceed())
    const failed = (error: unknown): ChannelEnd => ({ code: null, signal: null, error: error as Error })
    void channel.ended.catch(failed).then(async (end) => {
      this.#ended = true
      this.#proceed()
      // The last lines may still be on their way to us.
      await outputEnd(this.#channel.stdout)
      this.#end(end)
    })
    this.#restartDeadline()
  }

  /** Whether the bootstrap has spoken: what fails before may be a Node that moved. */
  get booted(): boolean {
    return this.#phase !== "noise"
  }

  /** The agent has got what was sent first, and speaks: from now on its silence is for others to judge. */
  answered(): void {
    this.#answered = true
    clearTimeout(this.#deadline)
  }

  /** Nothing more can be sent. */
  get closed(): boolean {
    return this.#closed
  }

  send(line: string): void {
    if (this.#closed || !this.#channel.stdin.writable) return
    this.#channel.stdin.write(`${this.#sacrifice()}${line}\n`)
  }

  async sendBytes(stream: number, bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#channel
    for (const { header, piece } of frames(stream, bytes)) {
      if (this.#closed || !stdin.writable) return
      // In one write: nothing may come between the two.
      if (!stdin.write(Buffer.concat([Buffer.from(header), piece]))) await this.#drained()
    }
  }

  onLine(listener: (line: string) => void): void {
    this.#onLine = listener
  }

  onBytes(listener: (stream: number, bytes: Uint8Array) => void): void {
    this.#onBytes = listener
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#onClose = listener
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#deadline)
    this.#channel.close()
  }

  /** Ends the channel for a reason of the caller's, told to the listener of `onClose`. */
  fail(reason: Error): void {
    if (this.#closed) return
    this.close()
    this.#onClose?.(reason)
  }

  /** Sends the agent's bytes as the channel takes them. Stops silently when the channel ends: `onClose` tells. */
  async upload(bytes: Uint8Array, onProgress: (sent: number) => void): Promise<void> {
    const { stdin } = this.#channel
    const header: UploadHeader = { bytes: bytes.length }
    stdin.write(`${this.#sacrifice()}${UPLOAD_PREFIX}${JSON.stringify(header)}\n`)
    for (let at = 0; at < bytes.length && stdin.writable && !this.#closed; at += UPLOAD_CHUNK) {
      const chunk = bytes.subarray(at, at + UPLOAD_CHUNK)
      if (!stdin.write(chunk)) await this.#drained()
      this.#restartDeadline()
      // An upload over a slow link is no silent link.
      this.#onLine?.(HEARTBEAT)
      onProgress(Math.min(at + UPLOAD_CHUNK, bytes.length))
    }
  }

  #sacrifice(): string {
    if (this.#sacrificed) return ""
    this.#sacrificed = true
    return SACRIFICE
  }

  async #drained(): Promise<void> {
    if (this.#ended) return
    await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  #proceed(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk)
      this.#noticeMisreading(chunk)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  #noticeStray(): void {
    if (this.#phase !== "noise" || this.#stray !== undefined || this.#closed) return
    if (!OWN_LINE.test(this.#stderr.text)) return
    this.#stray = this.#stderr.text
    this.#restartDeadline()
  }

  #noticeMisreading(chunk: Buffer): void {
    if (this.#phase !== "noise" || this.#misread || !this.#sacrificed || this.#closed || !chunk.includes(OURS)) return
    this.#misread = true
    this.#restartDeadline()
  }

  #bootLine(line: string): void {
    if (this.#phase === "agent") {
      this.#onLine?.(line)
      return
    }
    if (line === MAGIC) {
      this.#phase = "agent"
      this.#restartDeadline()
      return
    }
    const said = parseBootLine(line)
    if (said === undefined) return
    if (said.type === "hello") this.#options.onHello({ ...said, libraries: neededLibraries(this.#decoder.noise) })
    if (said.type === "stored") this.#options.onStored(said)
    if (said.type === "failed") {
      const { code, message, hint } = said
      this.#failure = new DatamaestroError(code, message, { hint, details: { host: this.#options.label } })
    }
  }

  #restartDeadline(): void {
    clearTimeout(this.#deadline)
    if (this.#answered) return
    const { bootTimeout } = this.#options
    const limit = this.#misread || this.#stray !== undefined ? MISREAD_GRACE : bootTimeout
    this.#deadline = setTimeout(() => this.fail(this.#late(bootTimeout)), limit)
  }

  #late(bootTimeout: number): DatamaestroError {
    if (this.#misread) return bootFailure({ ...this.#told(), reason: "another program reads what is sent to it" })
    const reason = `the agent has not answered within ${Math.round(bootTimeout / 1000)} s`
    if (this.#phase !== "agent") return bootFailure({ ...this.#told(), reason })
    // Which lives, as its signs of life tell, and waits for what others have read.
    const eaten = `${reason}, since what it was sent first has not reached it`
    return bootFailure({ ...this.#told(), booted: false, reason: eaten, code: null })
  }

  #told(): Pick<BootFailure, "label" | "noise" | "stderr" | "booted" | "chosen"> {
    const [{ noise }, stderr, { booted }] = [this.#decoder, this.#stray ?? this.#stderr.text, this]
    const chosen = booted ? undefined : chosenNode(noise, stderr)
    return { label: this.#options.label, noise, stderr, booted, chosen }
  }

  #end(end: ChannelEnd): void {
    if (this.#closed) return
    this.fail(this.#failure ?? agentEnded(end, { ...this.#told(), node: this.#options.node }))
  }
}
