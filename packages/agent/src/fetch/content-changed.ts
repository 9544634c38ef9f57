import { redactUrl } from "../store/cache-url.ts"
import type { Exchange } from "./exchange.ts"
import type { Transfer } from "./transfer-types.ts"
import { isStrong } from "./validators.ts"

/** Whether a 206 or 416 speaks of another file than the part came from: some servers ignore `If-Range`. */
export function contentChanged(
  job: Pick<Transfer, "part" | "source">,
  headers: Exchange["headers"],
  total: number | undefined,
): boolean {
  const { state } = job.part
  if (state.length !== undefined && total !== undefined && state.length !== total) return true
  if (state.source !== redactUrl(job.source)) return false
  const { etag } = headers
  if (etag !== undefined && state.etag !== undefined && isStrong(etag) && isStrong(state.etag))
    return etag !== state.etag
  const modified = headers["last-modified"]
  return modified !== undefined && state.lastModified !== undefined && modified !== state.lastModified
}

/**
 * Whether a 206 says that it is of the file the part came from. One that says nothing may come from a server that ignores
 * `If-Range`: without a checksum nobody would notice that the file had changed at the same length.
 */
export function contentProven(
  { part, declared }: Pick<Transfer, "part" | "declared">,
  headers: Exchange["headers"],
): boolean {
  const { etag, lastModified } = part.state
  if (declared) return true
  if (etag !== undefined && isStrong(etag) && headers.etag === etag) return true
  return lastModified !== undefined && headers["last-modified"] === lastModified
}
