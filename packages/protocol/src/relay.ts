import * as v from "valibot"

/** `always`: downloads go out through the controller. `auto`: they do once the data machine finds no way out itself. */
export const RelayMode = v.picklist(["always", "auto"])
export type RelayMode = v.InferOutput<typeof RelayMode>

/** How many bytes of one answer may be under way to the agent, unread there. */
export const RELAY_WINDOW = 4 * 1024 * 1024

/** Of a stream's number, and of bytes: with a fraction of one what is sent would never end. */
const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const stream = count

/** What the agent tells, to have the controller ask web servers in its place. */
export const RELAY_FROM_AGENT = {
  /** Send this request; follow no redirect. `credit`: how many bytes of the body may be sent at first. */
  "$/relay/open": v.object({
    stream,
    method: v.picklist(["GET", "HEAD"]),
    url: v.string(),
    headers: v.record(v.string(), v.string()),
    credit: count,
  }),
  /** So many bytes more may be sent. */
  "$/relay/credit": v.object({ stream, bytes: count }),
  /** Nobody wants the rest. */
  "$/relay/close": v.object({ stream }),
} as const

/** What the controller tells of it. The body itself comes in frames, see `frames`. */
export const RELAY_FROM_CONTROLLER = {
  "$/relay/head": v.object({ stream, status: v.number(), headers: v.record(v.string(), v.string()) }),
  /** The last of a stream: the body is whole, or why there will be no more. */
  "$/relay/end": v.object({
    stream,
    failure: v.optional(
      v.object({
        /** `REFUSED`: the controller doesn't let it pass. Else the code of Node's or undici's error, e.g. `ECONNRESET`. */
        code: v.string(),
        message: v.string(),
        /** The controller's own proxy for the address, without its login; and whether it is the tunnel through it that failed. */
        proxy: v.optional(v.object({ proxy: v.string(), variable: v.string(), tunnelFailed: v.boolean() })),
      }),
    ),
  }),
} as const
