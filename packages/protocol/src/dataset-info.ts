import * as v from "valibot"

/** An axis for people: its values (else any of its type), and the one that is taken if none is said. */
const AxisInfo = v.object({
  domain: v.optional(v.array(v.unknown())),
  type: v.optional(v.string()),
  default: v.optional(v.unknown()),
  /** `false`: it is no part of the id, nor of the folder. */
  inId: v.optional(v.boolean()),
})

export const SearchHit = v.object({
  id: v.string(),
  repository: v.string(),
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  /** Absent for a dataset without variants. */
  axes: v.optional(v.record(v.string(), AxisInfo)),
})
export type SearchHit = v.InferOutput<typeof SearchHit>

/**
 * What a resource is made from that has no address: a `dataset` (`ID@REPOSITORY`), another `resource`, or a `path`, in the data
 * folder whose key is `folder`, else absolute or below `~/`.
 */
const Origin = v.record(v.string(), v.string())

export const ResourceInfo = v.object({
  name: v.string(),
  kind: v.string(),
  urls: v.array(v.string()),
  /** Where several are fetched for it: the URLs of each. */
  downloads: v.optional(v.array(v.array(v.string()))),
  /** All of these; of a link the first that is there. */
  from: v.optional(v.array(Origin)),
  /** Where it will be or is, absolute; absent for what is not stored. */
  path: v.optional(v.string()),
  integrity: v.array(v.string()),
  state: v.picklist(["none", "partial", "complete"]),
})

export const DatasetInfo = v.object({
  id: v.string(),
  repository: v.string(),
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  homepage: v.optional(v.string()),
  license: v.optional(v.string()),
  size: v.optional(v.string()),
  doi: v.optional(v.string()),
  /** `true`: the contents change over time, as the definition says. */
  timestamp: v.optional(v.boolean()),
  type: v.string(),
  tags: v.array(v.string()),
  tasks: v.array(v.string()),
  /** The dataset's folder on the data machine, absolute. */
  path: v.string(),
  state: v.picklist(["none", "partial", "complete"]),
  resources: v.array(ResourceInfo),
  axes: v.record(v.string(), AxisInfo),
  /** A variant to copy; absent where there are none. */
  example: v.optional(v.string()),
  agreement: v.optional(v.object({ id: v.string(), url: v.optional(v.string()), text: v.optional(v.string()) })),
})
export type DatasetInfo = v.InferOutput<typeof DatasetInfo>

/** What `prepare --dry-run` tells of one resource. */
export const PlannedWork = v.object({
  /** The dataset that has the resource: the one asked for, or one that it refers to. */
  dataset: v.string(),
  resource: v.string(),
  kind: v.string(),
  action: v.picklist(["none", "download", "extract-cached", "make", "by-hand", "reference"]),
  urls: v.array(v.string()),
  /** Where it will be or is; of what is to be fetched by hand, where a person is to put it. */
  target: v.optional(v.string()),
  /** What its author says of how to fetch it by hand. */
  instructions: v.optional(v.string()),
  /** The name of the data folder that it comes from. */
  datafolder: v.optional(v.string()),
  /** To fetch; of what is there already, on the disk. Absent where nobody knows. */
  bytes: v.optional(v.number()),
})
