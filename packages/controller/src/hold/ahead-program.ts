import { notification } from "@datamaestro/protocol"
import type { Channel, Transport } from "../transport/transport.ts"

/** An agent that nobody speaks to leaves after a minute: it is told that somebody may come. */
const BEAT = 15_000
/** What it may have said before it is asked for anything: a few lines, and start-up files' noise. */
const MOST_OUTPUT = 1024 * 1024

/** An agent that was started before anybody needs it, with what it has printed so far. */
export class AheadProgram {
  readonly command: string
  readonly #channel: Channel
  readonly #beat: NodeJS.Timeout
  #output: Buffer[] = []
  #size = 0
  #usable = true

  private constructor(command: string, channel: Channel) {
    this.command = command
    this.#channel = channel
    this.#beat = setInterval(() => channel.stdin.write(`${notification("$/heartbeat", {})}\n`), BEAT)
    channel.stdin.on("error", () => undefined)
    channel.stdout.on("data", this.#keep)
    channel.stderr.on("data", this.#keep)
    void channel.ended.then(() => this.#spoil())
  }

  static async start(transport: Transport, command: string): Promise<AheadProgram> {
    return new AheadProgram(command, await transport.exec(command))
  }

  get usable(): boolean {
    return this.#usable
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#output.push(chunk)
    this.#size += chunk.length
    if (this.#size > MOST_OUTPUT) this.close()
  }

  #spoil(): void {
    this.#usable = false
    clearInterval(this.#beat)
    this.#output = []
  }

  /** Hands the program over: from now on it is the caller's. */
  take(): { channel: Channel; output: Buffer } {
    const output = Buffer.concat(this.#output)
    this.#channel.stdout.off("data", this.#keep)
    this.#channel.stderr.off("data", this.#keep)
    this.#channel.stdout.pause()
    this.#channel.stderr.pause()
    this.#spoil()
    return { channel: this.#channel, output }
  }

  close(): void {
    this.#spoil()
    this.#channel.close()
  }

  /** Settles when the program has ended. */
  get ended(): Promise<unknown> {
    return this.#channel.ended
  }
}
