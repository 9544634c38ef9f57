import * as v from "valibot"

const dataset = v.string()
const resource = v.string()
const bytes = v.pipe(v.number(), v.minValue(0))

/**
 * What the agent tells while it works, a union on `phase`. Sizes in bytes, times in seconds.
 * A sender coalesces them: at most about ten a second for each resource.
 */
export const ProgressEvent = v.variant("phase", [
  /** A dataset's preparation starts or ends; `present`: there was nothing to do; `adopted`: found on disk, taken over. */
  v.object({ phase: v.literal("dataset"), dataset, state: v.picklist(["started", "present", "adopted", "done"]) }),
  /** Somebody else prepares or downloads the same thing; we wait for them. */
  v.object({
    phase: v.literal("wait"),
    dataset,
    resource: v.optional(resource),
    holder: v.string(),
    seconds: v.number(),
  }),
  v.object({ phase: v.literal("download"), dataset, resource, url: v.string(), bytes, total: v.optional(bytes) }),
  /** An attempt failed; the next one starts after `delay` seconds. */
  v.object({
    phase: v.literal("retry"),
    dataset,
    resource,
    url: v.string(),
    attempt: v.number(),
    delay: v.number(),
    reason: v.string(),
  }),
  v.object({ phase: v.literal("verify"), dataset, resource, bytes, total: v.optional(bytes) }),
  v.object({
    phase: v.literal("extract"),
    dataset,
    resource,
    bytes,
    total: v.optional(bytes),
    files: v.optional(v.number()),
  }),
  /** From another machine. */
  v.object({ phase: v.literal("copy"), dataset, resource, bytes, total: v.optional(bytes) }),
  v.object({ phase: v.literal("transform"), dataset, resource, bytes, total: v.optional(bytes) }),
  v.object({
    phase: v.literal("step"),
    dataset,
    resource,
    fraction: v.optional(v.number()),
    message: v.optional(v.string()),
  }),
  /** Of a repository's sources so many were looked at. */
  v.object({ phase: v.literal("check"), repository: v.string(), checked: v.number(), total: v.number() }),
  /** One resource reached its final path; `how` says by which way, `bytes` how large it is there: not what was downloaded. */
  v.object({
    phase: v.literal("resource"),
    dataset,
    resource,
    how: v.picklist(["downloaded", "copied", "cached", "present", "adopted", "made", "referenced"]),
    bytes: v.optional(bytes),
  }),
  /** Something the person should know, that is no failure. */
  v.object({ phase: v.literal("notice"), level: v.picklist(["debug", "info", "warning"]), message: v.string() }),
])

export type ProgressEvent = v.InferOutput<typeof ProgressEvent>
export type ProgressListener = (event: ProgressEvent) => void
