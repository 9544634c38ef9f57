import { DatamaestroError } from "@datamaestro/protocol"
import { isUtf8 } from "node:buffer"
import { request, type Dispatcher } from "undici"
import type { Readable } from "node:stream"
import { redactUrl } from "../store/cache-url.ts"
import { blameProxy, blameRelayedProxy } from "./blame-proxy.ts"
import { transferCoding } from "./content-coding.ts"
import { authorizationFor } from "./credentials.ts"
import { dispatcherFor, flatHeaders, type Environment } from "@datamaestro/outgoing"
import type { FetchTuning } from "./fetch-types.ts"
import { RedirectCookies } from "./redirect-cookies.ts"
import { sourceError } from "./source-error.ts"
import { isPart } from "./validators.ts"
import type { WayOut } from "./way-out.ts"

/** Some hosts answer only to what looks like a browser. */
const USER_AGENT = "Mozilla/5.0 (compatible; datamaestro/0.1)"

/** A new connection costs less than a longer wait for the end of the body that the old one is to bring. */
const DISCARD_MILLISECONDS = 1000

export interface Exchange {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  body: Readable
  /** Where redirects ended, without credentials. */
  url: string
}

export interface ExchangeOptions {
  headers?: Readonly<Record<string, string>>
  method?: "GET" | "HEAD"
  environment: Environment
  tuning: FetchTuning
  signal: AbortSignal
  /** Whether the request leaves from this machine; it does by default. */
  wayOut?: WayOut | undefined
}

/**
 * Sends a request and follows its redirects itself: each hop gets the credentials meant for it and no others. The
 * body comes as the server stores it (`identity`); a decoded `.gz` would be another file.
 */
export async function openExchange(source: string, options: ExchangeOptions): Promise<Exchange> {
  const { environment, tuning } = options
  const origin = parseUrl(source)
  let url = origin
  let downgraded = false
  const cookies = new RedirectCookies()
  for (let hops = 0; ; hops++) {
    const authorization = await authorizationFor({ url, origin, downgraded }, environment)
    const { status, headers, body } = await send(bare(url), options, {
      ...options.headers,
      "accept-encoding": "identity",
      accept: "*/*",
      "user-agent": USER_AGENT,
      ...(authorization === undefined ? {} : { authorization }),
      ...cookies.of(url),
    })
    if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined) {
      const coding = transferCoding(headers)
      if (coding !== undefined && status < 300) {
        await discard(body)
        throw transferCodingError(source, coding)
      }
      return { status: meantStatus(status, headers), headers, body, url: redactUrl(url.href) }
    }
    const location = asUtf8(headers.location)
    cookies.take(url, headers["set-cookie"] ?? "")
    await discard(body)
    if (hops >= tuning.redirects) throw redirectError(source, `it redirects more than ${tuning.redirects} times`)
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined
    if (next === undefined) throw redirectError(source, "it redirects to an invalid address")
    if (next.protocol !== "http:" && next.protocol !== "https:") {
      throw redirectError(source, `it redirects to a ${next.protocol} address`)
    }
    downgraded ||= url.protocol === "https:" && next.protocol === "http:"
    url = next
  }
}

/** A proxy on the way may say 203 of what the server sent (RFC 9110, section 15.3.4). */
function meantStatus(status: number, headers: Exchange["headers"]): number {
  if (status !== 200 && status !== 203) return status
  return isPart(headers) ? 206 : 200
}

type Answer = Pick<Exchange, "status" | "headers" | "body">

async function send(url: URL, options: ExchangeOptions, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { environment, signal, wayOut } = options
  if (wayOut?.relayed !== true) {
    try {
      const answer = await sendDirectly(url, options, headers)
      wayOut?.reached()
      return answer
    } catch (error) {
      if (wayOut === undefined || signal.aborted) throw error
      if (!(await wayOut.blocked(error, url, environment, signal))) throw error
    }
  }
  const { method = "GET" } = options
  return await wayOut.relay.request({ url: url.href, method, headers, signal }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "REFUSED") throw blameRelayedProxy(error, url)
    throw sourceError(
      "DOWNLOAD_FAILED",
      url.href,
      (error as Error).message,
      "a controller relays for the datasets that it asked for, by the definitions that it has itself",
      { cause: error },
    )
  })
}

async function sendDirectly(
  url: URL,
  { method = "GET", environment, tuning, signal }: ExchangeOptions,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const response = await request(url, {
    method,
    headers: { ...headers },
    dispatcher: dispatcherFor(url, environment, tuning),
    headersTimeout: tuning.stallSeconds * 1000,
    bodyTimeout: tuning.stallSeconds * 1000,
    signal,
  }).catch((error: unknown) => {
    throw blameProxy(error, url, environment)
  })
  return { status: response.statusCode, headers: flatHeaders(response.headers), body: response.body }
}

/** Ends a response whose body nobody wants, without waiting for a long one, nor for one that does not come. */
export async function discard(body: Readable | Dispatcher.ResponseData["body"]): Promise<void> {
  body.on("error", () => {})
  const signal = AbortSignal.timeout(DISCARD_MILLISECONDS)
  if ("dump" in body) await body.dump({ limit: 64 * 1024, signal }).catch(() => {})
  else body.destroy()
}

function parseUrl(source: string): URL {
  if (URL.canParse(source)) {
    const url = new URL(source)
    if (url.protocol === "http:" || url.protocol === "https:") return url
    throw new DatamaestroError(
      "DOWNLOAD_FAILED",
      `Cannot download "${redactUrl(source)}": ${url.protocol} is not supported`,
      {
        hint: "http, https and file addresses can be downloaded; ftp sites mostly offer their files over https too",
        details: { url: redactUrl(source) },
      },
    )
  }
  throw new DatamaestroError("DOWNLOAD_FAILED", `Cannot download "${redactUrl(source)}": it is not a valid URL`, {
    hint: "correct the URL in the dataset's definition, or the prefix in the settings' mirrors",
    details: { url: redactUrl(source) },
  })
}

/** Without user and password, which travel in a header, and without the fragment, which stays here. */
function bare(url: URL): URL {
  const result = new URL(url)
  result.username = ""
  result.password = ""
  result.hash = ""
  return result
}

/** Header values come as Latin-1; a `Location` with unescaped letters beyond ASCII is UTF-8, as browsers take it. */
function asUtf8(value: string): string {
  const bytes = Buffer.from(value, "latin1")
  return isUtf8(bytes) ? bytes.toString("utf8") : value
}

function transferCodingError(source: string, coding: string): DatamaestroError {
  const reason = `the server sends it with the transfer coding "${coding}", which was not asked for`
  return sourceError("DOWNLOAD_FAILED", source, reason, "add a mirror to the settings, or tell the site's owner")
}

function redirectError(source: string, reason: string): DatamaestroError {
  return new DatamaestroError("DOWNLOAD_FAILED", `Cannot download "${redactUrl(source)}": ${reason}`, {
    hint: "open it in a browser: the site may have moved its files, or want a login",
    details: { url: redactUrl(source) },
  })
}
