import { contentCoding } from "./content-coding.ts"
import { withTokens } from "./credentials.ts"
import { openExchange } from "./exchange.ts"
import { FETCH_TUNING, type FetchContext } from "./fetch-types.ts"
import { addSlot } from "./host-slots.ts"
import { sourcesOf } from "./sources.ts"
import type { FetchRequest } from "../pipeline-types.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"

/** The most that is worth holding in memory, in bytes. */
const SMALL = 4 * 1024 * 1024

export interface SmallDownload {
  content: Buffer
  sha256: string
}

/**
 * One of very many small files, by one request and without the cache, whose locks and records cost more than the file.
 * Only what has a declared size and sum; `undefined` where anything is not as it should be: `fetchDownload` then tries
 * again, continues, takes mirrors, and tells what is wrong.
 */
export async function fetchSmall(request: FetchRequest, context: FetchContext): Promise<SmallDownload | undefined> {
  const { urls, integrity, size } = request
  const { signal, wayOut } = context
  const [source] = sourcesOf(urls, context.mirrors)
  if (source === undefined || !/^https?:/i.test(source) || wayOut?.relayed === true) return undefined
  if (size === undefined || size > SMALL || integrity.length === 0) return undefined
  const leave = addSlot(URL.canParse(source) ? new URL(source).host : source)
  try {
    const environment = withTokens(context.environment ?? process.env, context.tokens)
    const exchange = await openExchange(source, { environment, tuning: FETCH_TUNING, signal })
    const { status, headers, body } = exchange
    const content = status === 200 && contentCoding(headers) === undefined ? await whole(body, size) : undefined
    if (content === undefined) {
      body.on("error", () => {}).destroy()
      return undefined
    }
    const hasher = new StreamHasher(["sha256", ...integrity.map(({ algorithm }) => algorithm)])
    hasher.update(content)
    const digests = hasher.digests()
    const right = integrity.every(({ algorithm, hex }) => digests[algorithm] === hex.toLowerCase())
    return right ? { content, sha256: digests.sha256 ?? "" } : undefined
  } catch {
    return undefined
  } finally {
    leave()
  }
}

/** The body, if it has this many bytes: what is longer is not read to its end. */
async function whole(body: AsyncIterable<Buffer>, size: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > size) return undefined
    chunks.push(chunk)
  }
  return bytes === size ? Buffer.concat(chunks, bytes) : undefined
}
