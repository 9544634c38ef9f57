import {
  AgentClient,
  DatamaestroError,
  PROTOCOL_VERSION,
  type AheadRequest,
  type Params,
  type Result,
} from "@datamaestro/protocol"
import type { SessionEvent } from "../session.ts"
import type { Channel } from "../transport/transport.ts"
import { AgentPort, type Hello } from "./agent-port.ts"

export interface StartAgentOptions {
  label: string
  node: string
  /** The agent's bytes go first, without being asked for. */
  push: boolean
  compressed(): Promise<Uint8Array>
  initialize: Params<"initialize">
  /** Sent right behind it. */
  ahead?: AheadRequest | undefined
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

/** In milliseconds. */
export const BOOT_TIMEOUT = 60_000

/**
 * Follows a channel on which the bootstrap was started until the agent has answered `initialize`, which is sent at
 * once: it waits in the channel, and costs no round trip of its own.
 *
 * @throws NotBooted with the reason as its cause, when not even the bootstrap spoke
 */
export async function startAgent(channel: Channel, options: StartAgentOptions): Promise<StartedAgent> {
  const { label, node, onEvent, signal } = options
  let hello: Hello | undefined
  const send = async (): Promise<void> => {
    const bytes = await options.compressed()
    await port.upload(bytes, (sent) => onEvent({ phase: "upload", what: "agent", bytes: sent, total: bytes.length }))
  }
  const sendOrFail = (): void => void send().catch((error: unknown) => port.fail(error as Error))
  const port = new AgentPort(channel, {
    label,
    node,
    bootTimeout: options.bootTimeout ?? BOOT_TIMEOUT,
    onHello: (said) => {
      hello = said
      options.onHello?.(said)
      onEvent({ phase: "notice", level: "debug", message: `Node ${said.node} at ${said.execPath} on "${label}"` })
      if (said.state === "missing") sendOrFail()
    },
    onStored: ({ folder, warnings }) => {
      for (const message of warnings) onEvent({ phase: "notice", level: "warning", message })
      if (folder !== undefined) onEvent({ phase: "notice", level: "debug", message: `The agent is in "${folder}"` })
    },
  })
  const client = new AgentClient(port)
  if (options.push) sendOrFail()
  const onAbort = (): void => port.fail(new DatamaestroError("INTERRUPTED", "Interrupted"))
  signal?.addEventListener("abort", onAbort, { once: true })
  try {
    const initializing = client.request("initialize", options.initialize)
    if (options.ahead !== undefined) client.requestAhead(options.ahead)
    const initialized = await initializing
    if (initialized.protocol !== PROTOCOL_VERSION) throw otherProtocol(label, initialized.protocol)
    for (const message of initialized.warnings) onEvent({ phase: "notice", level: "warning", message })
    return { client, initialized, hello }
  } catch (error) {
    client.close()
    if (port.booted || signal?.aborted === true) throw error
    throw new NotBooted(error)
  } finally {
    signal?.removeEventListener("abort", onAbort)
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
