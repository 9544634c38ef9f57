import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { ChildProcess } from "node:child_process"
import { childProcess, unstarted } from "../child-process.ts"
import { opensshArguments, PLAIN_CHANNEL } from "./openssh-arguments.ts"
import { cannotStart, type OpensshConfiguration } from "./openssh-configuration.ts"
import { opensshFailure } from "./openssh-failure.ts"
import { tellShared } from "./openssh-sharing.ts"
import { refusedCommand } from "./refused-command.ts"
import { sshAddress } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"
import type { Channel, ChannelEnd, Transport } from "./transport.ts"

/** What ssh says where the server allows no further session on a connection (MaxSessions), and it could not log in anew. */
const REFUSED = /^mux_client_request_session: session request failed[^]*^\S+: Permission denied \(/m
/** How long a program may take to end once its channel was closed, in milliseconds. */
const CLOSE_GRACE = 1000

/** Runs each program by an `ssh` of its own, over the connection that they share where there is one. */
export class OpensshTransport implements Transport {
  readonly label: string
  readonly address: string
  readonly #target: SshTarget
  readonly #configuration: OpensshConfiguration
  readonly #share: readonly string[]
  readonly #end: (() => Promise<void>) | undefined
  readonly #children = new Set<ChildProcess>()
  #closed: Promise<void> | undefined

  constructor(
    target: SshTarget,
    configuration: OpensshConfiguration,
    share: readonly string[],
    end: (() => Promise<void>) | undefined,
  ) {
    this.label = configuration.label
    this.address = sshAddress(configuration)
    this.#target = target
    this.#configuration = configuration
    this.#share = share
    this.#end = end
  }

  async exec(command: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Channel> {
    if (signal?.aborted === true) throw interrupted()
    if (this.#closed !== undefined) throw this.#gone("the connection is closed")
    const shared = this.#end !== undefined
    // A connection that was shared has been logged in: nothing is left to be asked.
    const own = shared ? [...this.#share, "-o", "ControlMaster=no", "-o", "BatchMode=yes"] : this.#configuration.bounds
    const plain = [...PLAIN_CHANNEL, ...this.#configuration.channel]
    const args = [...opensshArguments(this.#target, [...plain, ...own, "-o", "LogLevel=ERROR"]), command]
    const child = childProcess().spawn("ssh", args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: shared,
      windowsHide: true,
    })
    const failed = unstarted(child)
    if (failed !== undefined) throw cannotStart(await failed)
    this.#children.add(child)
    let words = ""
    // This is also where ssh says what went wrong.
    child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4096)))
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
    const ended = new Promise<ChannelEnd>((resolve) => {
      child.on("close", (code, name) => {
        this.#children.delete(child)
        void this.#judge(code, name, words).then(resolve)
      })
    })
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve)
      child.once("error", (error) => reject(cannotStart(error)))
    })
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      close: () => {
        child.stdin.end()
        child.stdout.resume()
        child.stderr.resume()
        setTimeout(() => child.kill(), CLOSE_GRACE).unref()
      },
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const child of this.#children) child.kill()
    await this.#end?.().catch(() => undefined)
  }

  /** 255 is what ssh ends with when the link breaks; a program's own 255, and one that a signal ended, look the same. */
  async #judge(code: number | null, signal: string | null, stderr: string): Promise<ChannelEnd> {
    if (this.#closed !== undefined) return { code, signal }
    // Of a program over there it tells by a status: the signal was for ssh itself, and the program knows nothing of it.
    if (signal !== null) return { code: null, signal: null, error: this.#gone(`ssh was ended by ${signal}`) }
    if (code !== 255) return { code, signal }
    if (this.#end !== undefined) {
      const alive = await tellShared(this.#target, this.#share, "check")
      if (alive?.code === 0) return REFUSED.test(stderr) ? this.#refused() : { code, signal }
      return { code: null, signal: null, error: this.#gone("ssh has ended") }
    }
    const error = opensshFailure({ ...this.#configuration, stderr, mayAsk: true })
    return { code: null, signal: null, error }
  }

  #refused(): ChannelEnd {
    const error = refusedCommand(this.label, "it allows no further session")
    return { code: null, signal: null, error }
  }

  #gone(state: string): DatamaestroError {
    const { label, hostName, port } = this.#configuration
    return new DatamaestroError(
      "CONNECTION_LOST",
      `Lost the connection to "${label}" (${hostName}, port ${port}): ${state}`,
      {
        hint: "check the network and run the same command again: finished and partial downloads are kept",
        details: { host: label, hostName, port },
      },
    )
  }
}
