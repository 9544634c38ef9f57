import {
  AgentClient,
  DatamaestroError,
  interrupted,
  PROTOCOL_VERSION,
  REST_STREAM,
  type AheadRequest,
  type Params,
  type Result,
} from "@datamaestro/protocol"
import type { SessionEvent } from "../session/session.ts"
import type { Channel } from "../transport/transport.ts"
import { AgentPort, type Hello } from "./agent-port.ts"
import type { CompressedAgent } from "./deployment.ts"

export interface StartAgentOptions {
  label: string
  node: string
  /** The agent's bytes go first, without being asked for. */
  push: boolean
  compressed(): Promise<CompressedAgent>
  initialize: Params<"initialize">
  /** Sent behind it as soon as it is known, in one piece where that is at once. */
  ahead?: Promise<AheadRequest | undefined> | undefined
  onEvent: (event: SessionEvent) => void
  /** Told when a Node has been found and runs. */
  onHello?: ((hello: Hello) => void) | undefined
  signal?: AbortSignal | undefined
  bootTimeout?: number | undefined
}

export interface StartedAgent {
  client: AgentClient
  initialized: Result<"initialize">
  hello: Hello | undefined
}

/** Where the bootstrap never spoke: with a remembered Node, the probe is the next thing to try. */
export class NotBooted extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super("the bootstrap did not speak")
    this.cause = cause
  }
}

/** In milliseconds; less than a link may be silent: what start-up files printed says more. */
export const BOOT_TIMEOUT = 55_000
/** Bytes of the second part between which other messages may go. */
const REST_CHUNK = 64 * 1024

/**
 * Follows a channel on which the bootstrap was started until the agent has answered `initialize`, which is sent at
 * once: it waits in the channel, and costs no round trip of its own.
 *
 * @throws NotBooted with the reason as its cause, when not even the bootstrap spoke
 */
export async function startAgent(channel: Channel, options: StartAgentOptions): Promise<StartedAgent> {
  const { label, signal } = options
  const starting = new StartingAgent(channel, options)
  const { port, client } = starting
  if (options.push) starting.upload()
  const onAbort = (): void => port.fail(interrupted())
  signal?.addEventListener("abort", onAbort, { once: true })
  try {
    const initializing = client.request("initialize", options.initialize)
    void options.ahead?.then((ahead) => {
      if (ahead !== undefined && !port.closed) client.requestAhead(ahead)
    })
    const initialized = await initializing
    port.answered()
    if (initialized.protocol !== PROTOCOL_VERSION) throw otherProtocol(label, initialized.protocol)
    for (const message of initialized.warnings) starting.warn(message)
    return { client, initialized, hello: starting.hello }
  } catch (error) {
    client.close()
    if (port.booted || signal?.aborted === true) throw error
    throw new NotBooted(error)
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}

/** The two ends of one channel, first the bootstrap's and then the agent's, and what each of them is sent of the agent. */
class StartingAgent {
  readonly port: AgentPort
  readonly client: AgentClient
  readonly #options: StartAgentOptions
  #hello: Hello | undefined
  #restSent = false

  constructor(channel: Channel, options: StartAgentOptions) {
    const { label, node } = options
    this.#options = options
    this.port = new AgentPort(channel, {
      label,
      node,
      bootTimeout: options.bootTimeout ?? BOOT_TIMEOUT,
      onHello: (hello) => this.#greeted(hello),
      onStored: ({ folder, warnings }) => {
        for (const message of warnings) this.warn(message)
        if (folder !== undefined) this.#debug(`The agent is in "${folder}"`)
      },
    })
    this.client = new AgentClient(this.port, {
      label,
      onRestWanted: () => this.#orFail(this.#uploadRest()),
      onRestUnkept: (reason) =>
        this.warn(`The second part of the agent is sent again each time to "${label}", which can't keep it: ${reason}`),
      onNotice: (message) => this.warn(message),
    })
  }

  get hello(): Hello | undefined {
    return this.#hello
  }

  warn(message: string): void {
    this.#options.onEvent({ phase: "notice", level: "warning", message })
  }

  /** Sends both parts to the bootstrap. */
  upload(): void {
    this.#orFail(this.#uploadAll())
  }

  #greeted(hello: Hello): void {
    this.#hello = hello
    this.#options.onHello?.(hello)
    this.#debug(`Node ${hello.node} at ${hello.execPath} on "${this.#options.label}"`)
    if (hello.state === "missing") this.upload()
  }

  async #uploadAll(): Promise<void> {
    const { first, rest } = await this.#options.compressed()
    const total = first.length + rest.length
    await this.port.upload(first, (sent) => this.#uploaded(sent, total))
    await this.#sendRest(rest, first.length)
  }

  async #uploadRest(): Promise<void> {
    const { rest } = await this.#options.compressed()
    await this.#sendRest(rest, 0)
  }

  /** The agent runs from its first part meanwhile, and asks only for what an earlier upload was cut off from. */
  async #sendRest(rest: Uint8Array, before: number): Promise<void> {
    if (this.#restSent) return
    this.#restSent = true
    const total = before + rest.length
    this.client.notify("$/agent/rest", { bytes: rest.length })
    for (let at = 0; at < rest.length && !this.port.closed; at += REST_CHUNK) {
      await this.client.sendBytes(REST_STREAM, rest.subarray(at, at + REST_CHUNK))
      this.#uploaded(before + Math.min(at + REST_CHUNK, rest.length), total)
    }
  }

  #uploaded(bytes: number, total: number): void {
    this.#options.onEvent({ phase: "upload", what: "agent", bytes, total })
  }

  #debug(message: string): void {
    this.#options.onEvent({ phase: "notice", level: "debug", message })
  }

  #orFail(sending: Promise<void>): void {
    sending.catch((error: unknown) => this.port.fail(error as Error))
  }
}

function otherProtocol(label: string, found: number): DatamaestroError {
  return new DatamaestroError(
    "PROTOCOL_MISMATCH",
    `Cannot speak with the agent on "${label}": it speaks protocol ${found}`,
    {
      hint: "install datamaestro again, so that command and agent are of one version",
      details: { host: label, wanted: PROTOCOL_VERSION, found },
    },
  )
}
