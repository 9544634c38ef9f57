import { stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import { redactUrl } from "../store/cache-url.ts"
import { withTokens } from "./credentials.ts"
import { discard, openExchange } from "./exchange.ts"
import { FETCH_TUNING, type FetchContext } from "./fetch-types.ts"
import { withHubEndpoint } from "./hugging-face.ts"
import { sourcesOf } from "./sources.ts"

/**
 * Whether the server (or folder) that a download came from has other content by now, as it says without giving it. Where that can't be
 * told (there is no answer, or nothing to compare) it has not.
 */
export async function isOutdated(
  download: CachedDownload,
  { urls }: FetchRequest,
  { environment: given = process.env, mirrors, tokens, signal, wayOut }: FetchContext,
): Promise<boolean> {
  const environment = withTokens(given, tokens)
  const sources = sourcesOf(urls, withHubEndpoint(mirrors, environment))
  const source = sources.find((each) => redactUrl(each) === download.source)
  if (source === undefined) return false
  try {
    if (/^file:/i.test(source)) {
      const { mtime, size } = await stat(fileURLToPath(source))
      return mtime.toUTCString() !== download.lastModified || size !== download.bytes
    }
    // Mirrors are for this machine alone.
    const options = { environment, tuning: FETCH_TUNING, signal, ...(urls.includes(source) ? { wayOut } : {}) }
    const { status, headers, body } = await openExchange(source, { ...options, method: "HEAD" })
    await discard(body)
    if (status !== 200) return false
    const { etag, "last-modified": modified, "content-length": length, "content-encoding": encoding } = headers
    if (etag !== undefined && download.etag !== undefined) return etag !== download.etag
    if (modified !== undefined && download.lastModified !== undefined) return modified !== download.lastModified
    return encoding === undefined && length !== undefined && Number(length) !== download.bytes
  } catch {
    return false
  }
}
