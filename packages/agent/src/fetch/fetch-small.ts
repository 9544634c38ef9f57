import { isExceeded, releaseRead } from "@datamaestro/outgoing"
import type { FetchRequest } from "../pipeline-types.ts"
import { redactUrl } from "../store/cache-url.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { contentCoding } from "./content-coding.ts"
import { withTokens } from "./credentials.ts"
import { openExchange, type Exchange } from "./exchange.ts"
import { FETCH_TUNING, type FetchContext } from "./fetch-types.ts"
import { addSlot } from "./host-slots.ts"
import { withHubEndpoint } from "./hugging-face.ts"
import { isDataDue, looksLikeHtml } from "./html-page.ts"
import { sourcesOf } from "./sources.ts"
import { contentLength, validatorsOf } from "./validators.ts"

export interface SmallDownload {
  content: Buffer
  sha256: string
  /** Without credentials. */
  source: string
  /** What else there is to have it from, in the order of trying. Without credentials. */
  elsewhere: string[]
  etag?: string | undefined
  lastModified?: string | undefined
}

/**
 * One of very many small files, by one request and without the cache, whose locks and records cost more than the file.
 * `undefined` where anything is not as it should be, or the server does not tell how much it is: `fetchDownload` then tries
 * again, continues, takes mirrors, and tells what is wrong.
 *
 * @param most bytes that are worth holding in memory
 */
export async function fetchSmall(
  request: FetchRequest,
  context: FetchContext,
  most: number,
): Promise<SmallDownload | undefined> {
  const { urls, integrity } = request
  const environment = withTokens(context.environment ?? process.env, context.tokens)
  const tuning = { ...FETCH_TUNING, ...context.tuning }
  const [source, ...others] = sourcesOf(urls, withHubEndpoint(context.mirrors, environment))
  if (source === undefined || !/^https?:/i.test(source) || context.wayOut?.relayed === true) return undefined
  const leave = addSlot(URL.canParse(source) ? new URL(source).host : source)
  // One that is slow is left for another source, in ways that are not this one's.
  const slow = others.length > 0 ? [AbortSignal.timeout(tuning.slowSeconds * 1000)] : []
  try {
    const signal = slow.length > 0 ? AbortSignal.any([context.signal, ...slow]) : context.signal
    const exchange = await openExchange(source, { environment, tuning, signal })
    const content = await contentOf(exchange, request, most)
    if (content === undefined) {
      exchange.body.on("error", () => {}).destroy()
      return undefined
    }
    const hasher = new StreamHasher(["sha256", ...integrity.map(({ algorithm }) => algorithm)])
    hasher.update(content)
    const digests = hasher.digests()
    const { sha256 = "" } = digests
    const right = integrity.every(({ algorithm, hex }) => digests[algorithm] === hex.toLowerCase())
    const where = { source: redactUrl(source), elsewhere: others.map(redactUrl) }
    return right ? { content, sha256, ...where, ...validatorsOf(exchange.headers) } : undefined
  } catch {
    return undefined
  } finally {
    leave()
  }
}

async function contentOf(
  { status, headers, body }: Exchange,
  request: FetchRequest,
  most: number,
): Promise<Buffer | undefined> {
  const size = request.size ?? contentLength(headers["content-length"])
  if (status !== 200 || contentCoding(headers) !== undefined || size === undefined || size > most) return undefined
  const content = await whole(body, size)
  const proven = request.integrity.length > 0
  return content !== undefined && !proven && isDataDue(request) && looksLikeHtml(content) ? undefined : content
}

/** The body, if it has this many bytes: what is longer is not read to its end. */
async function whole(body: AsyncIterable<Buffer>, size: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > size || isExceeded(chunk)) return undefined
    chunks.push(chunk)
  }
  if (bytes !== size) return undefined
  const content = Buffer.concat(chunks, bytes)
  for (const chunk of chunks) releaseRead(chunk)
  return content
}
