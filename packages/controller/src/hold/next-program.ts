import type { Channel, Transport } from "../transport/transport.ts"
import { AheadProgram } from "./ahead-program.ts"

/** A program is started ahead when its predecessor is out of the way, or has been at work for this long. */
const DELAY = 100

/** The program that waits for the next command, one at most. */
export class NextProgram {
  readonly #transport: () => Transport | undefined
  #program: AheadProgram | undefined
  #wanted: string | undefined

  /** @param transport where to start it; nothing where it would not be used any more */
  constructor(transport: () => Transport | undefined) {
    this.#transport = transport
  }

  /** Has a program started by this line, soon. */
  wish(command: string): void {
    this.#wanted = command
    setTimeout(() => void this.start(), DELAY)
  }

  /** Starts now what was wished for; without it the next command takes a little longer. */
  async start(): Promise<void> {
    const [transport, command] = [this.#transport(), this.#wanted]
    if (transport === undefined || command === undefined) return
    this.#wanted = undefined
    if (this.#program?.usable === true) return
    const program = await AheadProgram.start(transport, command).catch(() => undefined)
    if (program === undefined) return
    const needless = this.#transport() === undefined || this.#isThere()
    if (needless) program.close()
    else this.#program = program
  }

  /**
   * Runs a command, or takes the program that was started by `startedBy` in its place.
   *
   * @returns with what that has printed already
   * @throws DatamaestroError of the connection kind
   */
  async exec(
    transport: Transport,
    command: string,
    startedBy: string | undefined,
  ): Promise<{ channel: Channel; output: Buffer }> {
    const program = this.#program
    if (program !== undefined && program.usable && startedBy === program.command) {
      this.#program = undefined
      return program.take()
    }
    const output = Buffer.alloc(0)
    try {
      return { channel: await transport.exec(command), output }
    } catch (error) {
      // A server may allow one program at a time (MaxSessions 1): the one that waits makes way.
      if (program === undefined || !program.usable) throw error
      this.#program = undefined
      program.close()
      await program.ended
      return { channel: await transport.exec(command), output }
    }
  }

  close(): void {
    this.#program?.close()
  }

  // It may change while another is being started.
  #isThere(): boolean {
    return this.#program?.usable === true
  }
}
