import { createHash } from "node:crypto"

/**
 * The cache key of a URL, as Python datamaestro computes it: SHA-256 of the JSON string that Python's `json.dumps`
 * writes, in which every UTF-16 unit outside printable ASCII is `\uXXXX` in lower case.
 */
export function cacheKey(url: string): string {
  const json = JSON.stringify(url).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
  return createHash("sha256").update(json).digest("hex")
}
