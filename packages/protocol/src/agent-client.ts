import { JSONRPCClient, isJSONRPCResponse } from "json-rpc-2.0"
import * as v from "valibot"
import {
  AGENT_METHODS,
  NOTIFICATIONS,
  type AgentMethod,
  type NotificationMethod,
  type Params,
  type Result,
} from "./contract.ts"
import { DatamaestroError, fromWireError, interrupted } from "./errors.ts"
import type { ProgressEvent, ProgressListener } from "./events.ts"
import { keepAlive, notification, type HeartbeatTiming, type LinePort } from "./link.ts"
import type { Heartbeat } from "./heartbeat.ts"
import { LongCode } from "./long-code.ts"

export interface RequestOptions {
  /** Aborting sends `$/cancelRequest`; the request then ends with the agent's answer, INTERRUPTED. */
  signal?: AbortSignal | undefined
  onProgress?: ProgressListener | undefined
  /** Takes the bytes that come with the answer, before it; they stay as they are. */
  onBytes?: ((bytes: Uint8Array) => void) | undefined
}

export interface AgentClientOptions {
  /** The data machine, as errors call it. */
  label?: string
  heartbeat?: HeartbeatTiming
  /** Told when the agent lacks its second part. */
  onRestWanted?: () => void
  /** Told why it can't keep that. */
  onRestUnkept?: (reason: string) => void
  /** Told what the person should know now. */
  onNotice?: (message: string) => void
  /** How long code of others may run before that is told, in milliseconds. */
  codePatience?: number
}

/** Takes what the agent tells without being asked, other than progress. */
export type NotificationListener = (method: string, params: unknown) => void

/** A request that may be made before anybody knows that its answer is wanted. */
export type AheadRequest = { [M in AheadMethod]: { method: M; params: Params<M> } }[AheadMethod]
type AheadMethod = "datafolders/list" | "repositories/declare"

interface Pending {
  onProgress: ProgressListener
  onBytes: RequestOptions["onBytes"]
  /** The authors' steps that run for it, as messages name them. */
  steps: Set<string>
  fail: (error: Error) => void
}

/** The controller's end of the connection: typed requests, cancellation, progress, and a watch on the link. */
export class AgentClient {
  readonly #port: LinePort
  readonly #options: AgentClientOptions
  readonly #rpc: JSONRPCClient
  readonly #heartbeat: Heartbeat
  readonly #pending = new Map<number, Pending>()
  readonly #code: LongCode
  #nextId = 1
  #closed: Error | undefined
  #onNotification: NotificationListener | undefined
  #ahead: { key: string; answer: Promise<unknown> } | undefined

  constructor(port: LinePort, options: AgentClientOptions = {}) {
    this.#port = port
    this.#options = options
    this.#code = new LongCode((message) => options.onNotice?.(message), options.codePatience)
    this.#rpc = new JSONRPCClient((payload: unknown) => {
      this.#heartbeat.spoke()
      port.send(JSON.stringify(payload))
    })
    this.#heartbeat = keepAlive(port, options.heartbeat, (ms) => {
      this.#end(
        new DatamaestroError("CONNECTION_LOST", `${this.#agent} has been silent for ${Math.round(ms / 1000)} s`, {
          hint: `${this.#whatToCheck()}, then run the same command again: it continues where it stopped`,
        }),
      )
      port.close()
    })
    port.onLine((line) => this.#receive(line))
    port.onBytes?.((id, bytes) => {
      this.#heartbeat.heard()
      this.#pending.get(id)?.onBytes?.(bytes)
    })
    port.onClose((reason) =>
      this.#end(reason ?? new DatamaestroError("CONNECTION_LOST", "The connection to the agent was closed")),
    )
  }

  get #agent(): string {
    const { label } = this.#options
    return label === undefined ? "The agent" : `The agent on "${label}"`
  }

  /** No request will be answered any more. */
  get closed(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Asks the agent and waits for its answer.
   *
   * @throws DatamaestroError what the agent answered, or why there will be no answer
   */
  async request<M extends AgentMethod>(method: M, params: Params<M>, options: RequestOptions = {}): Promise<Result<M>> {
    const ahead = this.#ahead
    if (ahead !== undefined && ahead.key === JSON.stringify([method, params])) {
      this.#ahead = undefined
      return (await ahead.answer) as Result<M>
    }
    if (this.#closed !== undefined) throw this.#closed
    if (options.signal?.aborted === true) throw interrupted()
    const id = this.#nextId++
    const cancel = (): void => this.#port.send(notification("$/cancelRequest", { id }))
    const broken = new Promise<never>((_, reject) => {
      const steps = new Set<string>()
      const onProgress: ProgressListener = (event) => {
        followSteps(steps, event)
        options.onProgress?.(event)
      }
      this.#pending.set(id, { onProgress, onBytes: options.onBytes, steps, fail: reject })
    })
    options.signal?.addEventListener("abort", cancel, { once: true })
    try {
      const answer = this.#rpc.requestAdvanced({ jsonrpc: "2.0", id, method, params })
      const response = await Promise.race([answer, broken])
      if (response.error !== undefined) throw fromWireError(response.error)
      return this.#checked(method, response.result)
    } finally {
      options.signal?.removeEventListener("abort", cancel)
      this.#pending.delete(id)
    }
  }

  onNotification(listener: NotificationListener): void {
    this.#onNotification = listener
  }

  notify<N extends NotificationMethod>(method: N, params: v.InferInput<(typeof NOTIFICATIONS)[N]>): void {
    if (this.#closed !== undefined) return
    this.#heartbeat.spoke()
    this.#port.send(notification(method, params))
  }

  /** Sends bytes of a stream; resolves when there is room for more, also when the connection is over. */
  async sendBytes(stream: number, bytes: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) return
    this.#heartbeat.spoke()
    await this.#port.sendBytes?.(stream, bytes)
  }

  /**
   * Sends a request that will be wanted next: the first `request` of the same method and parameters takes its answer.
   * Only for what changes nothing and takes no time, since it can't be cancelled.
   */
  requestAhead({ method, params }: AheadRequest): void {
    const answer = this.request(method, params)
    answer.catch(() => {})
    this.#ahead = { key: JSON.stringify([method, params]), answer }
  }

  close(): void {
    this.#end(new DatamaestroError("CONNECTION_LOST", "The connection to the agent was closed"))
    this.#port.close()
  }

  #checked<M extends AgentMethod>(method: M, result: unknown): Result<M> {
    const parsed = v.safeParse(AGENT_METHODS[method].result, result)
    if (parsed.success) return parsed.output
    throw new DatamaestroError(
      "PROTOCOL_MISMATCH",
      `Cannot read the agent's answer to "${method}": ${parsed.issues[0].message}`,
      {
        details: { method, path: v.getDotPath(parsed.issues[0]) },
      },
    )
  }

  #receive(line: string): void {
    this.#heartbeat.heard()
    const message = parseObject(line)
    if (message === undefined) return
    if (isJSONRPCResponse(message)) {
      this.#rpc.receive(message)
      return
    }
    if (message["method"] === "$/agent/wanted") return this.#options.onRestWanted?.()
    if (message["method"] === "$/agent/unkept") return this.#unkept(message["params"])
    if (message["method"] === "$/agent/notice") return this.#notice(message["params"])
    if (message["method"] === "$/agent/code") return this.#codeRuns(message["params"])
    if (message["method"] !== "$/progress") return this.#onNotification?.(String(message["method"]), message["params"])
    const progress = v.safeParse(NOTIFICATIONS["$/progress"], message["params"])
    if (progress.success) this.#pending.get(Number(progress.output.id))?.onProgress(progress.output.event)
  }

  #unkept(params: unknown): void {
    const told = v.safeParse(NOTIFICATIONS["$/agent/unkept"], params)
    if (told.success) this.#options.onRestUnkept?.(told.output.reason)
  }

  #notice(params: unknown): void {
    const told = v.safeParse(NOTIFICATIONS["$/agent/notice"], params)
    if (!told.success) return
    this.#code.told(told.output.message)
    this.#options.onNotice?.(told.output.message)
  }

  #codeRuns(params: unknown): void {
    const told = v.safeParse(NOTIFICATIONS["$/agent/code"], params)
    if (!told.success) return
    const { code, over } = told.output
    if (over) this.#code.end(code)
    else this.#code.begin(code)
  }

  #whatToCheck(): string {
    const [code] = this.#code.running
    return code === undefined ? "check the network" : `check the network, and ${code} for code that never ends`
  }

  #end(reason: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#heartbeat.stop()
    this.#code.stop()
    for (const { steps, fail } of this.#pending.values()) fail(withSteps(reason, steps))
  }
}

function followSteps(steps: Set<string>, event: ProgressEvent): void {
  if (event.phase === "step") steps.add(`"${event.resource}" of "${event.dataset}"`)
  if (event.phase === "resource") steps.delete(`"${event.resource}" of "${event.dataset}"`)
}

/** An agent that died can't say why: code of others may have ended it, or used up the memory. */
function withSteps(reason: Error, running: ReadonlySet<string>): Error {
  if (!(reason instanceof DatamaestroError) || reason.code !== "AGENT_DIED" || running.size === 0) return reason
  const was = `it was making ${[...running].join(", ")}, by code of the dataset's author`
  return new DatamaestroError(reason.code, reason.message, {
    hint: reason.hint === undefined ? was : `${was}; ${reason.hint}`,
    details: { ...reason.details, steps: [...running] },
    cause: reason,
  })
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // A library that writes to stdout must not end the session; a lost answer is noticed by the heartbeat's owner.
    return undefined
  }
}
