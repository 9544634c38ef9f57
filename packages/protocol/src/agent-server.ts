import { JSONRPCServer, createJSONRPCSuccessResponse, type JSONRPCRequest, type JSONRPCResponse } from "json-rpc-2.0"
import * as v from "valibot"
import {
  AGENT_METHODS,
  NOTIFICATIONS,
  type AgentMethod,
  type NotificationMethod,
  type Params,
  type Result,
} from "./contract.ts"
import { DatamaestroError, toWireError } from "./errors.ts"
import type { ProgressListener } from "./events.ts"
import type { Heartbeat } from "./heartbeat.ts"
import { keepAlive, notification, type HeartbeatTiming, type LinePort } from "./link.ts"
import { ProgressCoalescer } from "./progress-coalescer.ts"

export interface RequestContext {
  /** Aborted by `$/cancelRequest`, and when the connection ends: then its reason is CONNECTION_LOST. */
  signal: AbortSignal
  progress: ProgressListener
  /** Sends bytes that come with the answer, before it; resolves when there is room for more. */
  sendBytes(bytes: Uint8Array): Promise<void>
}

export type AgentHandlers = {
  [M in AgentMethod]: (params: Params<M>, context: RequestContext) => Promise<Result<M>> | Result<M>
}

export interface AgentServerOptions {
  heartbeat?: HeartbeatTiming
  /** Called once when the link is over, closed or silent; every request is aborted by then. */
  onEnd?: (reason?: Error) => void
  /** Told what the controller says without asking, other than cancelling. */
  onNotification?: (method: string, params: unknown) => void
  /** Told the bytes of the controller's frames, as they come. */
  onBytes?: (stream: number, bytes: Uint8Array) => void
  /** Least time between two progress events of one resource and phase, in milliseconds. */
  progressInterval?: number
}

const PROGRESS_INTERVAL = 100

/** The agent's end of the connection: answers requests, many at once, and watches the link. */
export class AgentServer {
  readonly #port: LinePort
  readonly #options: AgentServerOptions
  readonly #rpc = new JSONRPCServer({ errorListener: () => {} })
  readonly #heartbeat: Heartbeat
  readonly #running = new Map<number | string, AbortController>()
  #ended = false

  constructor(port: LinePort, handlers: AgentHandlers, options: AgentServerOptions = {}) {
    this.#port = port
    this.#options = options
    for (const method of Object.keys(AGENT_METHODS) as AgentMethod[]) this.#serve(method, handlers)
    this.#heartbeat = keepAlive(port, options.heartbeat, (ms) => {
      this.#end(
        new DatamaestroError("CONNECTION_LOST", `The controller has been silent for ${Math.round(ms / 1000)} s`),
      )
    })
    port.onLine((line) => void this.#receive(line))
    port.onBytes?.((stream, bytes) => {
      this.#heartbeat.heard()
      options.onBytes?.(stream, bytes)
    })
    port.onClose((reason) => this.#end(reason))
  }

  /** Tells the controller something; nothing when the connection is over. */
  notify<N extends NotificationMethod>(method: N, params: v.InferInput<(typeof NOTIFICATIONS)[N]>): void {
    this.#send(notification(method, params))
  }

  /** How many requests are being worked on. */
  get running(): number {
    return this.#running.size
  }

  #serve<M extends AgentMethod>(method: M, handlers: AgentHandlers): void {
    this.#rpc.addMethodAdvanced(method, async (request) => {
      const id = request.id ?? 0
      const abort = new AbortController()
      this.#running.set(id, abort)
      const coalescer = new ProgressCoalescer(this.#options.progressInterval ?? PROGRESS_INTERVAL, (event) =>
        this.#send(notification("$/progress", { id, event })),
      )
      try {
        const params = checkedParams(method, request)
        const result = await handlers[method](params, {
          signal: abort.signal,
          progress: (event) => coalescer.take(event),
          sendBytes: async (bytes) => {
            if (this.#ended) return
            this.#heartbeat.spoke()
            // Requests have numbers, by which the other end knows whose bytes they are.
            await this.#port.sendBytes?.(Number(id), bytes)
          },
        })
        coalescer.flush()
        return createJSONRPCSuccessResponse(id, result)
      } catch (error) {
        coalescer.flush()
        return { jsonrpc: "2.0", id, error: toWireError(error) }
      } finally {
        this.#running.delete(id)
      }
    })
  }

  async #receive(line: string): Promise<void> {
    this.#heartbeat.heard()
    const told = parseNotification(line)
    if (told !== undefined) {
      if (told.method !== "$/cancelRequest") return this.#options.onNotification?.(told.method, told.params)
      const cancelled = v.safeParse(NOTIFICATIONS["$/cancelRequest"], told.params)
      if (cancelled.success) this.#running.get(cancelled.output.id)?.abort()
      return
    }
    const response = (await this.#rpc.receiveJSON(line)) as JSONRPCResponse | null
    if (response !== null) this.#send(JSON.stringify(response))
  }

  #send(line: string): void {
    if (this.#ended) return
    this.#heartbeat.spoke()
    this.#port.send(line)
  }

  #end(reason?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#heartbeat.stop()
    const lost = new DatamaestroError("CONNECTION_LOST", "The connection to the controller ended", { cause: reason })
    for (const abort of this.#running.values()) abort.abort(lost)
    this.#options.onEnd?.(reason)
  }
}

function checkedParams<M extends AgentMethod>(method: M, request: JSONRPCRequest): Params<M> {
  const parsed = v.safeParse(AGENT_METHODS[method].params, request.params)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new DatamaestroError("PROTOCOL_MISMATCH", `Cannot read the parameters of "${method}": ${issue.message}`, {
    details: { method, path: v.getDotPath(issue) },
  })
}

function parseNotification(line: string): { method: string; params: unknown } | undefined {
  if (!line.includes('"$/')) return undefined
  try {
    const { method, params } = JSON.parse(line) as { method?: unknown; params?: unknown }
    return typeof method === "string" && method.startsWith("$/") ? { method, params } : undefined
  } catch {
    return undefined
  }
}
