import { stat } from "node:fs/promises"
import { text } from "node:stream/consumers"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { interrupted, type Result } from "@datamaestro/protocol"
import { storageHost } from "./list-bucket.ts"
import { discard, openExchange, type Exchange } from "../fetch/exchange.ts"
import { HTML_SNIFF_BYTES, looksLikeHtml } from "../fetch/html-page.ts"
import { FETCH_TUNING } from "../fetch/fetch-types.ts"
import type { Environment } from "@datamaestro/outgoing"
import { HTML_INSTEAD } from "../fetch/source-error.ts"
import { askedToRetry, networkFailure, retryDelay } from "../fetch/retry-policy.ts"

/** What a check found at one URL. */
export type SourceStatus = Result<"repositories/check">["datasets"][number]["resources"][number]["sources"][number]

const ATTEMPTS = 3
/** A check is not worth waiting longer for, in seconds. */
const LONGEST_WAIT = 20
/** Servers that answer HEAD so may still give the file. */
const HEAD_REFUSED = new Set([400, 403, 404, 405, 501])

export interface CheckSourceOptions {
  environment: Environment
  signal: AbortSignal
  /** An HTML page is not what is due. */
  data: boolean
}

/**
 * Asks whether a source is still there, without its content; `gs://` is asked for its listing. Where HTML is announced in the
 * place of data, its beginning says whether it is.
 */
export async function checkSource(url: string, options: CheckSourceOptions): Promise<SourceStatus> {
  const { signal } = options
  for (let attempt = 1; ; attempt++) {
    const last = attempt === ATTEMPTS
    let floor = 0
    try {
      if (url.startsWith("file:")) return { url, ok: true, size: (await stat(fileURLToPath(url))).size }
      const { status, headers, size } = await ask(url, options)
      const there = status === 200 || status === 206
      if (there && options.data && isHtmlType(headers) && (await isPage(url, options))) {
        return { url, ok: false, status, error: HTML_INSTEAD }
      }
      if (there) return { url, ok: true, status, ...(size === undefined ? {} : { size }) }
      const asked = askedToRetry(status, headers)
      if (last || asked === undefined || asked.floor > LONGEST_WAIT) {
        return { url, ok: false, status, error: `the server answered ${status}` }
      }
      floor = asked.floor
    } catch (error) {
      if (signal.aborted) throw interrupted()
      const failure = networkFailure(error)
      const reason = failure?.reason ?? (error instanceof Error ? error.message : String(error))
      if (last || failure?.retry !== true) return { url, ok: false, error: reason }
    }
    await delay(1000 * Math.min(LONGEST_WAIT, retryDelay(attempt, floor, FETCH_TUNING)), undefined, { signal }).catch(
      () => {
        throw interrupted()
      },
    )
  }
}

interface Answer {
  status: number
  headers: Exchange["headers"]
  size?: number | undefined
}

async function ask(url: string, { environment, signal }: CheckSourceOptions): Promise<Answer> {
  const options = { environment, tuning: FETCH_TUNING, signal }
  if (url.startsWith("gs://")) return await askBucket(url, options)
  const head = await openExchange(url, { ...options, method: "HEAD" })
  await discard(head.body)
  if (!HEAD_REFUSED.has(head.status)) return { ...head, size: length(head.headers["content-length"]) }
  const first = await openExchange(url, { ...options, headers: { range: "bytes=0-0" } })
  // A server that does not know ranges begins to send the whole: nobody wants it.
  first.body.on("error", () => {}).destroy()
  const size = first.status === 206 ? first.headers["content-range"]?.split("/")[1] : first.headers["content-length"]
  return { ...first, size: length(size) }
}

function isHtmlType(headers: Exchange["headers"]): boolean {
  return /\bx?html\b/i.test(headers["content-type"] ?? "")
}

async function isPage(url: string, { environment, signal }: CheckSourceOptions): Promise<boolean> {
  const headers = { range: `bytes=0-${HTML_SNIFF_BYTES - 1}` }
  const { body } = await openExchange(url, { environment, tuning: FETCH_TUNING, signal, headers })
  let start = Buffer.alloc(0)
  // Whoever leaves the loop ends the body.
  for await (const chunk of body) {
    start = Buffer.concat([start, chunk as Buffer])
    if (start.length >= HTML_SNIFF_BYTES) break
  }
  return looksLikeHtml(start)
}

async function askBucket(
  url: string,
  options: Omit<Parameters<typeof openExchange>[1], "method" | "headers">,
): Promise<Answer> {
  const [, bucket = "", prefix = ""] = /^gs:\/\/([^/]+)\/?(.*)$/.exec(url) ?? []
  const query = new URLSearchParams({ prefix, maxResults: "1", fields: "items(name)" })
  const { status, headers, body } = await openExchange(
    `${storageHost()}/storage/v1/b/${bucket}/o?${query.toString()}`,
    options,
  )
  const answer = await text(body)
  return { status: status === 200 && !answer.includes('"name"') ? 404 : status, headers }
}

function length(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
}
