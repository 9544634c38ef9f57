import type { PartState } from "../store/cache-part.ts"

/** What proves that a part and the server's present file are the same: for `If-Range` (RFC 9110, section 13.1.5). */
export function resumeValidator(state: Pick<PartState, "etag" | "lastModified">): string | undefined {
  // A weak one promises the same meaning, not the same bytes; If-Range does not take it.
  if (state.etag !== undefined && isStrong(state.etag)) return state.etag
  return state.lastModified
}

/** What a server says of its file, to be compared later. */
export function validatorsOf(
  headers: Readonly<Record<string, string | undefined>>,
): Pick<PartState, "etag" | "lastModified"> {
  const { etag, "last-modified": lastModified } = headers
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) }
}

export function isStrong(etag: string): boolean {
  return /^"[^"]*"$/.test(etag)
}

/** `Content-Range` of a 206 (RFC 9110, section 14.4); `total` is `undefined` for `*`. */
export interface ContentRange {
  start: number
  /** Exclusive. */
  end: number
  total: number | undefined
}

function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(value ?? "")
  if (match === null) return undefined
  const start = Number(match[1])
  const end = Number(match[2]) + 1
  const total = match[3] === "*" ? undefined : Number(match[3])
  if (end <= start || (total !== undefined && end > total)) return undefined
  return { start, end, total }
}

/** What a 206 brings; nothing that can be relied on where it is longer than its range (the whole file, perhaps), or in several parts with their own heads. */
export function sentRange(headers: Readonly<Record<string, string | undefined>>): ContentRange | undefined {
  if (/^\s*multipart\/byteranges/i.test(headers["content-type"] ?? "")) return undefined
  const range = parseContentRange(headers["content-range"])
  const length = contentLength(headers["content-length"])
  if (range !== undefined && length !== undefined && length > range.end - range.start) return undefined
  return range
}

/** Whether it is a part by what it says of its range, whatever its status: scripts that send parts forget to say 206. */
export function isPart(headers: Readonly<Record<string, string | undefined>>): boolean {
  const range = sentRange(headers)
  return range !== undefined && (range.start > 0 || (range.total !== undefined && range.end < range.total))
}

export function contentLength(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value.trim()) ? Number(value) : undefined
}

/** The total in the `Content-Range` of a 416: `bytes * /123`. */
export function unsatisfiedTotal(value: string | undefined): number | undefined {
  const match = /^\s*bytes\s+\*\/(\d+)\s*$/i.exec(value ?? "")
  return match === null ? undefined : Number(match[1])
}
