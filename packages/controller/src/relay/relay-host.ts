import { dispatcherFor, flatHeaders, isTunnelFailure, namedProxy } from "@datamaestro/outgoing"
import { DatamaestroError, RELAY_FROM_AGENT, type AgentClient, type RELAY_FROM_CONTROLLER } from "@datamaestro/protocol"
import type { Readable } from "node:stream"
import * as v from "valibot"
import type { CopySource } from "../copy/copy-source.ts"
import { AllowedAddresses, type Sources } from "./allowed-addresses.ts"

/** In seconds; as long as the agent itself would wait. */
const CONNECT = 15
const STALL = 30

/** What an agent may have sent: nothing that could change what is on a server. */
const HEADERS = new Set(["accept", "accept-encoding", "authorization", "cookie", "if-range", "range", "user-agent"])
/** Of one hop only (RFC 9110, section 7.6.1). `Transfer-Encoding` tells the agent of codings that nobody has undone. */
const NOT_ANSWERED = new Set(["connection", "keep-alive", "upgrade"])

export interface RelayHostOptions {
  agent: AgentClient
  /** The addresses that the agent may have asked; asked for again when one is not among them. */
  sources(): Promise<Sources>
  /** Where prepared data is copied from, if it is. */
  copySource?: CopySource | undefined
  /** An address was refused; without its query, which may be a secret. */
  onRefused(address: string): void
}

type Open = v.InferOutput<(typeof RELAY_FROM_AGENT)["$/relay/open"]>

type Failure = NonNullable<v.InferOutput<(typeof RELAY_FROM_CONTROLLER)["$/relay/end"]>["failure"]>

interface Stream {
  abort: AbortController
  credit: number
  /** Called when there is more credit. */
  wake(): void
}

/**
 * Asks web servers in an agent's place, with this machine's network, proxies and certificates: GET and HEAD, of the
 * addresses of the wanted datasets and their redirects, nothing else. Nothing is stored.
 */
export class RelayHost {
  readonly #options: RelayHostOptions
  readonly #allowed = new AllowedAddresses()
  readonly #streams = new Map<number, Stream>()

  constructor(options: RelayHostOptions) {
    this.#options = options
  }

  /** Takes what the agent tells. */
  receive(method: string, params: unknown): void {
    if (method === "$/relay/open") {
      const open = v.safeParse(RELAY_FROM_AGENT[method], params)
      if (open.success && !this.#streams.has(open.output.stream)) void this.#serve(open.output)
    } else if (method === "$/relay/credit") {
      const credit = v.safeParse(RELAY_FROM_AGENT[method], params)
      const stream = credit.success ? this.#streams.get(credit.output.stream) : undefined
      if (!credit.success || stream === undefined) return
      stream.credit += credit.output.bytes
      stream.wake()
    } else if (method === "$/relay/close") {
      const close = v.safeParse(RELAY_FROM_AGENT[method], params)
      if (close.success) this.#end(close.output.stream)
    }
  }

  /** Ends all requests. */
  close(): void {
    for (const id of this.#streams.keys()) this.#end(id)
  }

  #end(id: number): void {
    const stream = this.#streams.get(id)
    this.#streams.delete(id)
    stream?.abort.abort()
    stream?.wake()
  }

  async #serve(open: Open): Promise<void> {
    const { agent } = this.#options
    const { stream: id } = open
    const stream: Stream = { abort: new AbortController(), credit: open.credit, wake: () => {} }
    this.#streams.set(id, stream)
    let failure: Failure | undefined
    try {
      const isCopy = open.url.startsWith("copy:")
      const sent = isCopy ? await this.#passCopy(id, stream, open) : await this.#passAnswer(id, stream, open)
      if (!sent) failure = { code: "REFUSED", message: "the controller does not relay this address" }
    } catch (error) {
      failure = { ...failureOf(error), ...proxyOf(error, open.url) }
    }
    if (this.#streams.delete(id))
      agent.notify("$/relay/end", { stream: id, ...(failure === undefined ? {} : { failure }) })
    stream.abort.abort()
  }

  /** The address, if it may be asked. */
  async #checked(address: string): Promise<URL | undefined> {
    if (!URL.canParse(address)) return undefined
    const url = new URL(address)
    // Which datasets are wanted may have changed since.
    if (!this.#allowed.has(url)) this.#allowed.add(await this.#options.sources())
    if (this.#allowed.has(url)) return url
    this.#options.onRefused(`${url.origin}${url.pathname}`)
    return undefined
  }

  /** @returns whether the address may be asked, and was */
  async #passAnswer(id: number, stream: Stream, { url: address, method, headers }: Open): Promise<boolean> {
    const url = await this.#checked(address)
    if (url === undefined) return false
    const { signal } = stream.abort
    const dispatcher = dispatcherFor(url, process.env, { connectSeconds: CONNECT })
    const answer = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => HEADERS.has(name.toLowerCase()))),
      headersTimeout: STALL * 1000,
      bodyTimeout: STALL * 1000,
      signal,
    })
    answer.body.on("error", () => {})
    try {
      const told = flatHeaders(answer.headers)
      for (const name of NOT_ANSWERED) delete told[name]
      const { location } = told
      if (answer.statusCode >= 300 && answer.statusCode < 400 && location !== undefined) {
        this.#allowed.redirected(url, location)
      }
      this.#options.agent.notify("$/relay/head", { stream: id, status: answer.statusCode, headers: told })
      await this.#passBody(id, stream, answer.body)
      return true
    } finally {
      answer.body.destroy()
    }
  }

  /** @returns whether it was prepared data that was asked for, and was sent */
  async #passCopy(id: number, stream: Stream, { url, headers }: Open): Promise<boolean> {
    const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0)
    const body = await this.#options.copySource?.open(url, from)
    if (body === undefined) return false
    this.#options.agent.notify("$/relay/head", { stream: id, status: 200, headers: {} })
    await this.#passBody(id, stream, body)
    return true
  }

  /** Sends on what comes, as much as the agent has asked for, and no faster than the connection takes it. */
  async #passBody(id: number, stream: Stream, body: Readable | AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of body) {
      for (let rest = chunk as Buffer; rest.length > 0;) {
        while (stream.credit <= 0 && !stream.abort.signal.aborted) {
          await new Promise<void>((resolve) => (stream.wake = resolve))
        }
        if (stream.abort.signal.aborted) return
        const piece = rest.subarray(0, stream.credit)
        stream.credit -= piece.length
        rest = rest.subarray(piece.length)
        await this.#options.agent.sendBytes(id, piece)
      }
    }
  }
}

/** With the network's code that says what it means, wherever in the chain it stands; else FAILED. */
function failureOf(error: unknown): Failure {
  if (error instanceof DatamaestroError) return { code: "FAILED", message: error.message }
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException
    if (typeof code === "string") return { code, message: at.message }
    if (at instanceof AggregateError) return failureOf(at.errors[0])
  }
  return { code: "FAILED", message: error instanceof Error ? error.message : String(error) }
}

/** This machine's proxy for the address, without its login: the agent tells whether that is to blame. */
function proxyOf(error: unknown, address: string): Pick<Failure, "proxy"> {
  const named = URL.canParse(address) ? namedProxy(new URL(address), process.env) : undefined
  if (named === undefined || !URL.canParse(named.proxy)) return {}
  const proxy = new URL(named.proxy)
  proxy.username = ""
  proxy.password = ""
  return { proxy: { proxy: proxy.href, variable: named.variable, tunnelFailed: isTunnelFailure(error) } }
}
