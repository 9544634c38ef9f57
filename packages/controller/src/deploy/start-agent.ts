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
import type { SessionEvent } from "../session.ts"
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
  const { label, node, onEvent, signal } = options
  let hello: Hello | undefined
  const send = async (): Promise<void> => {
    const { first, rest } = await options.compressed()
    const total = first.length + rest.length
    await port.upload(first, (sent) => onEvent({ phase: "upload", what: "agent", bytes: sent, total }))
    await sendRest(rest, first.length)
  }
  let restSent = false
  // It runs from its first part meanwhile, and asks only for what an earlier upload was cut off from.
  const sendRest = async (rest: Uint8Array, before: number): Promise<void> => {
    if (restSent) return
    restSent = true
    const total = before + rest.length
    client.notify("$/agent/rest", { bytes: rest.length })
    for (let at = 0; at < rest.length && !port.closed; at += REST_CHUNK) {
      await client.sendBytes(REST_STREAM, rest.subarray(at, at + REST_CHUNK))
      const bytes = before + Math.min(at + REST_CHUNK, rest.length)
      onEvent({ phase: "upload", what: "agent", bytes, total })
    }
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
  const client = new AgentClient(port, {
    label,
    onRestWanted: () =>
      void options
        .compressed()
        .then(({ rest }) => sendRest(rest, 0))
        .catch((error: unknown) => port.fail(error as Error)),
    onRestUnkept: (reason) => {
      const message = `The second part of the agent is sent again each time to "${label}", which can't keep it: ${reason}`
      onEvent({ phase: "notice", level: "warning", message })
    },
    onNotice: (message) => onEvent({ phase: "notice", level: "warning", message }),
  })
  if (options.push) sendOrFail()
  const onAbort = (): void => port.fail(interrupted())
  signal?.addEventListener("abort", onAbort, { once: true })
  try {
    const initializing = client.request("initialize", options.initialize)
    void options.ahead?.then((ahead) => {
      if (ahead !== undefined && !port.closed) client.requestAhead(ahead)
    })
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
