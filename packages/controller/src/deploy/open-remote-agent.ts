import { DatamaestroError, type Params } from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import type { SessionEvent } from "../session/session.ts"
import type { Transport } from "../transport/transport.ts"
import { coldCommand, warmCommand, type NodeStart } from "./agent-command.ts"
import type { BootArguments } from "./boot-protocol.ts"
import type { Deployment } from "./deployment.ts"
import { limitHint } from "../limit-hint.ts"
import { isQuotable, quoteWord } from "./quote-word.ts"
import { forgetHost, recallHost, rememberHost, withAgent, type RememberedHost } from "./remembered-host.ts"
import type { Hello } from "./agent-port.ts"
import { BOOT_TIMEOUT, NotBooted, startAgent, type StartAgentOptions, type StartedAgent } from "./start-agent.ts"
import { tellOfWait } from "./tell-of-wait.ts"

export interface OpenRemoteAgentOptions {
  deployment: Deployment
  /** `--node`: a path on the data machine, or `auto`. */
  node: string
  initialize: Params<"initialize">
  ahead?: StartAgentOptions["ahead"]
  onEvent: (event: SessionEvent) => void
  onHello?: StartAgentOptions["onHello"]
  signal?: AbortSignal | undefined
  bootTimeout?: number | undefined
}

/**
 * Starts the agent with one command: where Node was the last time, else where the probe finds it. What the machine
 * is known to lack goes along at once; what it turns out to lack follows when it says so.
 */
export async function openRemoteAgent(transport: Transport, options: OpenRemoteAgentOptions): Promise<StartedAgent> {
  try {
    return await open(transport, options)
  } catch (error) {
    throw reasonOf(error)
  }
}

/** What is known of a start at a Node that was there the last time. */
interface WarmStart {
  /** As in `transport.exec`. */
  startedBy?: string | undefined
  /** `LD_LIBRARY_PATH` that it is given. */
  libraries?: string | undefined
}

/** Runs a command that becomes the agent. */
type Start = (command: string, push: boolean, warm?: WarmStart) => Promise<StartedAgent>

async function open(transport: Transport, options: OpenRemoteAgentOptions): Promise<StartedAgent> {
  const known = recallHost(transport.address, options.node)
  const start: Start = (command, push, warm = {}) => startBy(transport, options, known, { ...warm, command, push })
  const warm = known === undefined ? undefined : await startWarm(transport, options, known, start)
  return warm ?? (await startCold(transport, options, start))
}

/** One that waits has asked the login shell by then; where start-up files have changed meanwhile it asks again. */
function aheadCommand(host: NodeStart, { bootstrap, hash }: Deployment): string {
  return warmCommand(host, bootstrap, { hash, push: false, login: true })
}

async function startBy(
  transport: Transport,
  options: OpenRemoteAgentOptions,
  known: RememberedHost | undefined,
  { command, push, startedBy, libraries: given }: WarmStart & { command: string; push: boolean },
): Promise<StartedAgent> {
  const { deployment, node, signal, bootTimeout = BOOT_TIMEOUT } = options
  const { label, address } = transport
  const channel = await transport.exec(command, { signal, startedBy })
  const heard = tellOfWait(label, bootTimeout, options.onEvent)
  const started = await startAgent(channel, {
    ...options,
    label,
    push,
    bootTimeout,
    compressed: () => deployment.compressed(),
    onHello: (hello) => {
      heard()
      options.onHello?.(hello)
    },
  }).finally(heard)
  const { hello } = started
  const execPath = hello === undefined ? known?.execPath : asNamed(node, hello)
  if (execPath === undefined) return started
  const { leftOut } = hello ?? known ?? {}
  const libraries = hello?.libraries ?? given
  const now = { address, execPath, leftOut, libraries, agents: withAgent(known, deployment.hash) }
  if (!isSame(now, known)) rememberHost(node, now)
  transport.held?.startAhead(aheadCommand(now, deployment))
  return started
}

/** @returns nothing where Node is no longer where it was the last time */
async function startWarm(
  transport: Transport,
  options: OpenRemoteAgentOptions,
  known: RememberedHost,
  start: Start,
): Promise<StartedAgent | undefined> {
  const { deployment, node } = options
  const push = known.agents?.includes(deployment.hash) !== true
  try {
    const startedBy = transport.held === undefined || push ? undefined : aheadCommand(known, deployment)
    const command = warmCommand(known, deployment.bootstrap, { ...bootArguments(options), push })
    return await start(command, push, { startedBy, libraries: known.libraries })
  } catch (error) {
    if (!mayHaveMoved(error)) throw error
    forgetHost(transport.address, node)
    // Most often it is start-up files that hang: nobody waits for them twice, and the next call looks for another Node.
    if (isSilence(reasonOf(error))) throw error
    const message = `Node is no longer at ${known.execPath} on "${transport.label}": looking for another`
    options.onEvent({ phase: "notice", level: "debug", message })
    return undefined
  }
}

/** Has the machine look for Node; one that tells its version and does not start is passed over. */
async function startCold(transport: Transport, options: OpenRemoteAgentOptions, start: Start): Promise<StartedAgent> {
  const { deployment, node, bootTimeout = BOOT_TIMEOUT } = options
  const found = node === BUNDLED ? await provide(transport, { ...options, bootTimeout }) : node
  const boot = { ...bootArguments(options), push: false }
  const broken: string[] = []
  let failure: unknown
  for (;;) {
    try {
      return await start(coldCommand(found, deployment.bootstrap, boot, broken), false)
    } catch (error) {
      failure ??= error
      await endHanging(transport, reasonOf(error))
      const path = found === "auto" ? brokenNode(reasonOf(error)) : undefined
      // The first was the newest: where none of the others suits, or starts, it is the one to speak of.
      if (path === undefined || broken.length === MAX_BROKEN)
        throw broken.length > 0 && isOfNode(error) ? failure : error
      broken.push(path)
      const message = `Node at ${path} on "${transport.label}" does not start, though it tells its version: looking for another`
      options.onEvent({ phase: "notice", level: "warning", message })
    }
  }
}

function bootArguments({ deployment, initialize }: OpenRemoteAgentOptions): Pick<BootArguments, "hash" | "login"> {
  return { hash: deployment.hash, login: initialize.data === undefined }
}

/** How many that do not start are passed over. */
const MAX_BROKEN = 3

/** The path of a Node that has ended instead of running the bootstrap; not where a limit ends each of them. */
function brokenNode(reason: unknown): string | undefined {
  if (!(reason instanceof DatamaestroError) || reason.code !== "DEPLOY_FAILED" || !("code" in reason.details)) return
  const { node, printed } = reason.details
  if (typeof node !== "string" || !isQuotable(node) || limitHint(String(printed)) !== undefined) return
  return node
}

function isOfNode(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason instanceof DatamaestroError && (reason.code === "NO_NODE" || "node" in reason.details)
}

function isSame(one: RememberedHost, other: RememberedHost | undefined): boolean {
  const { execPath, leftOut, libraries, agents } = other ?? {}
  return one.execPath === execPath && one.leftOut === leftOut && one.libraries === libraries && one.agents === agents
}

/** What a person names is kept: it may be a script that sets things up and becomes Node, or a link to the version of today. */
function asNamed(node: string, { execPath, home }: Pick<Hello, "execPath" | "home">): string {
  if (node.startsWith("~/")) return `${home}/${node.slice(2)}`
  return node === "auto" || node === BUNDLED ? execPath : node
}

/** `--node bundled`: the controller brings one. */
const BUNDLED = "bundled"

async function provide(
  transport: Transport,
  options: OpenRemoteAgentOptions & { bootTimeout: number },
): Promise<string> {
  const { provideNode } = await import("./provide-node.ts")
  return await provideNode(transport, options)
}

/** A link that broke or a person who interrupts say nothing about where Node is. */
function mayHaveMoved(error: unknown): boolean {
  if (error instanceof NotBooted) {
    return error.cause instanceof DatamaestroError && error.cause.code === "DEPLOY_FAILED"
  }
  return error instanceof DatamaestroError && error.code === "NO_NODE"
}

/** How long the end of what hangs is waited for, in milliseconds. */
const END_PATIENCE = 3000

/** A Node that hangs at its start reads nothing, and so would stay when its channel is closed: it is ended, with what it has started. */
async function endHanging(transport: Transport, reason: unknown): Promise<void> {
  if (!(reason instanceof DatamaestroError) || !isSilence(reason)) return
  const { pid } = reason.details
  if (typeof pid !== "number") return
  const script = quoteWord(`kill -9 -${pid} || kill -9 ${pid}`)
  const channel = await transport.exec(`exec /bin/sh -c ${script}`).catch(() => undefined)
  if (channel === undefined) return
  channel.stdin.end()
  channel.stdout.resume()
  channel.stderr.resume()
  await Promise.race([channel.ended, sleep(END_PATIENCE, undefined, { ref: false })])
  channel.close()
}

/** It has not even ended. */
function isSilence(reason: unknown): boolean {
  return reason instanceof DatamaestroError && reason.code === "DEPLOY_FAILED" && !("code" in reason.details)
}

function reasonOf(error: unknown): unknown {
  return error instanceof NotBooted ? error.cause : error
}
