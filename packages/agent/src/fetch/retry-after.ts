type Headers = Readonly<Record<string, string | undefined>>

/** What is more is no number of seconds to wait, but a time since 1970; and what is more than that, one in milliseconds. */
const FIRST_TIME = 1e9
const FIRST_MILLISECONDS = 1e12

/**
 * Seconds that a server asks to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); else until the budget that
 * is used up is renewed, by `t=` of `RateLimit` (draft-ietf-httpapi-ratelimit-headers; Hugging Face) or by `X-RateLimit-Reset`
 * (GitHub, Zenodo). Times are measured by the server's own `Date`. 0: it asks for nothing.
 */
export function retryAfter(headers: Headers, now: number = Date.now()): number {
  const server = Date.parse(headers.date ?? "")
  const clock = Number.isNaN(server) ? now : server
  const value = headers["retry-after"]?.trim() ?? ""
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value)
  const then = value === "" ? NaN : Date.parse(value)
  if (!Number.isNaN(then)) return Math.max(0, (then - clock) / 1000)
  return Math.max(0, ...policyWaits(headers.ratelimit ?? ""), renewal(headers, clock))
}

/** Whether the server says that one may ask again, and later; GitHub does so by 403, which else is for good. */
export function namesTime(headers: Headers): boolean {
  return headers["retry-after"] !== undefined || remaining(headers) === 0
}

/** `"name";r=REMAINING;t=SECONDS`, several in a row: those that have nothing left, or don't tell. */
function policyWaits(text: string): number[] {
  return text.split(",").flatMap((policy) => {
    const [left, wait] = ["r", "t"].map((name) => new RegExp(`[;\\s]${name}=(\\d+)`).exec(` ${policy}`)?.[1])
    return wait === undefined || Number(left ?? 0) > 0 ? [] : [Number(wait)]
  })
}

function renewal(headers: Headers, clock: number): number {
  const left = remaining(headers)
  const reset = Number(oneOf(headers, "reset") ?? NaN)
  if (Number.isNaN(reset) || (left !== undefined && left > 0)) return 0
  if (reset < FIRST_TIME) return reset
  return (reset < FIRST_MILLISECONDS ? reset * 1000 : reset) / 1000 - clock / 1000
}

/** How many requests are left. */
function remaining(headers: Headers): number | undefined {
  const value = oneOf(headers, "remaining")
  return value === undefined || value === "" || Number.isNaN(Number(value)) ? undefined : Number(value)
}

function oneOf(headers: Headers, name: "remaining" | "reset"): string | undefined {
  return (headers[`x-ratelimit-${name}`] ?? headers[`ratelimit-${name}`])?.trim()
}
