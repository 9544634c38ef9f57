import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { ClientChannel } from "ssh2"
import { refusedCommand } from "./refused-command.ts"
import { sshAddress, type SshSettings } from "./ssh-settings.ts"
import { openChannel } from "./ssh2-channel.ts"
import type { SshConnection } from "./ssh2-connection.ts"
import { askForLife, sendCommandAhead } from "./ssh2-internals.ts"
import type { Channel, ExecOptions, Transport } from "./transport.ts"

type Answer = (error: Error | undefined, source: ClientChannel | undefined) => void

/** A connection that has logged in, and those that lead to it. */
export class Ssh2Transport implements Transport {
  readonly label: string
  readonly address: string
  readonly lost: Promise<Error>
  readonly #environment: SshSettings["environment"]
  readonly #connection: SshConnection
  readonly #closeAll: () => void
  #isFirst = true
  /** Some channel has ended. */
  #ended = false

  constructor(settings: SshSettings, connection: SshConnection, closeAll: () => void) {
    this.label = settings.label
    this.address = sshAddress(settings)
    this.#environment = settings.environment
    this.#connection = connection
    this.#closeAll = closeAll
    const { lost } = connection
    this.lost = new Promise((resolve) => {
      lost.addEventListener("abort", () => resolve(this.#gone()))
      if (lost.aborted) resolve(this.#gone())
    })
  }

  exec(command: string, { signal }: ExecOptions = {}): Promise<Channel> {
    const { lost } = this.#connection
    return new Promise<Channel>((resolve, reject) => {
      if (signal?.aborted === true) return reject(interrupted())
      if (lost.aborted) return reject(this.#gone())
      let abandoned = false
      const abort = (): void => {
        abandoned = true
        reject(interrupted())
      }
      const breakOff = (): void => reject(this.#gone())
      signal?.addEventListener("abort", abort, { once: true })
      lost.addEventListener("abort", breakOff)
      const stopListening = (): void => {
        signal?.removeEventListener("abort", abort)
        lost.removeEventListener("abort", breakOff)
      }
      const answered: Answer = (error, source) => {
        stopListening()
        // Too late to be wanted: nobody will read it.
        if (abandoned) return void source?.close()
        if (source !== undefined && error === undefined) return resolve(this.#open(source))
        const refused = refusedCommand(this.label, error?.message ?? "it was refused", error)
        // sshd hangs up behind its refusal, over the command that was sent ahead.
        if (isRefusal(error)) return reject(refused)
        // It may be the connection's end, which is told right behind.
        setImmediate(() => reject(this.#broken() ?? refused))
      }
      try {
        this.#ask(command, () => !abandoned, answered)
      } catch {
        stopListening()
        reject(this.#gone())
      }
    })
  }

  /** Asks for a channel that runs the command. */
  #ask(command: string, isWanted: () => boolean, answered: Answer): void {
    const { client } = this.#connection
    // sshd counts a session that has ended until its loop comes round: with MaxSessions 1 a busy one refuses the next.
    const ask = (again: boolean): void => {
      client.exec(command, { env: this.#environment }, (error, source) => {
        if (again && this.#ended && isWanted() && isRefusal(error)) ask(false)
        else answered(error ?? undefined, source)
      })
    }
    ask(true)
    if (this.#isFirst) sendCommandAhead(client, command, this.#environment)
    this.#isFirst = false
  }

  #open(source: ClientChannel): Channel {
    const channel = openChannel(source, this.#connection.lost)
    void channel.ended.then(() => (this.#ended = true))
    return channel
  }

  check(): Promise<void> {
    return askForLife(this.#connection.client)
  }

  close(): Promise<void> {
    this.#closeAll()
    return Promise.resolve()
  }

  #broken(): Error | undefined {
    const { lost } = this.#connection
    return lost.aborted ? (lost.reason as Error) : undefined
  }

  #gone(): Error {
    return (
      this.#broken() ??
      new DatamaestroError("CONNECTION_LOST", `Cannot run a command on "${this.label}": the connection is closed`, {
        details: { host: this.label },
      })
    )
  }
}

/** The server opens no channel, for the reason that it gives (RFC 4254, 5.1). */
function isRefusal(error: Error | undefined): boolean {
  return error !== undefined && "reason" in error
}
