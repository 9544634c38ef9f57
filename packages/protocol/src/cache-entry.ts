import * as v from "valibot"

/** A download, or a part of one, in the cache. */
export const CacheEntry = v.object({
  key: v.string(),
  url: v.optional(v.string()),
  bytes: v.number(),
  /** Seconds since 1970 of the last change. */
  modified: v.number(),
  /** Seconds since 1970 of the last use; that of the last change where none was recorded. */
  used: v.optional(v.number()),
  complete: v.boolean(),
  /** Held by a running process right now. */
  inUse: v.boolean(),
})
export type CacheEntry = v.InferOutput<typeof CacheEntry>
