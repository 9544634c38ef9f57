import * as v from "valibot"
import { CopiedDataset } from "./copy.ts"
import { ProgressEvent } from "./events.ts"
import { JobId } from "./job-id.ts"
import { RELAY_FROM_AGENT, RELAY_FROM_CONTROLLER, RelayMode } from "./relay.ts"
import { SlurmOptions } from "./slurm-options.ts"

/** The contract's version; both ends must speak the same one. The controller brings its own agent, so they do. */
export const PROTOCOL_VERSION = 1

const Json = v.unknown()
const StringMap = v.record(v.string(), v.string())

export const Paths = v.object({
  /** The data directory, absolute. */
  data: v.string(),
  /** Prepared datasets: `DATA/data`. */
  datasets: v.string(),
  /** Downloads: `DATA/cache`. */
  cache: v.string(),
  /** Global settings: `DATA/settings.json`. */
  settings: v.string(),
})
export type Paths = v.InferOutput<typeof Paths>

/** The global settings that users reach through the library. Keys unknown to us are kept. */
/** A number of bytes with its unit. */
export const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([kMGTP]?)(i?)B?\s*$/i

/** Most connections to one server for one file. */
const Connections = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))

/** What decides over downloads and their cache, besides the folders. */
export const GlobalSettings = v.looseObject({
  datafolders: v.optional(StringMap),
  /** How many days finished jobs are kept. */
  job_days: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** URL prefix to one or more replacement prefixes, tried in order before the original. */
  mirrors: v.optional(v.record(v.string(), v.union([v.string(), v.array(v.string())]))),
  connections: v.optional(Connections),
  /** Host to bearer token; only ever sent to that very host, over https. */
  tokens: v.optional(StringMap),
  cache: v.optional(
    v.looseObject({
      /** Bytes, or with a unit: `50 GB`, `1.5 TiB`. What was not used for longest goes first. */
      limit: v.optional(v.union([v.pipe(v.number(), v.minValue(0)), v.pipe(v.string(), v.regex(SIZE))])),
      /** Another cache folder, that is only read: downloads found there are not made again. */
      shared: v.optional(v.string()),
    }),
  ),
})
export type GlobalSettings = v.InferOutput<typeof GlobalSettings>

/** A repository as `package.json` declares it: known without running its code. */
export const RepositoryLocation = v.object({
  /** The namespace, e.g. `image`. */
  id: v.string(),
  /** The npm package it comes from. */
  package: v.string(),
  version: v.string(),
  /** The exported class. */
  export: v.string(),
  /** Where the module is: a file on this machine, or an entry inside an uploaded pack. */
  module: v.variant("kind", [
    v.object({ kind: v.literal("file"), path: v.string() }),
    v.object({ kind: v.literal("pack"), hash: v.string(), entry: v.string() }),
  ]),
})
export type RepositoryLocation = v.InferOutput<typeof RepositoryLocation>

export const RepositorySummary = v.object({
  id: v.string(),
  name: v.string(),
  description: v.string(),
  package: v.string(),
  version: v.string(),
  /** How many datasets it has; absent when it can't be loaded (`error` says why). */
  datasets: v.optional(v.number()),
  error: v.optional(v.string()),
})
export type RepositorySummary = v.InferOutput<typeof RepositorySummary>

/** An axis for people: its values (else any of its type), and the one that is taken if none is said. */
const AxisInfo = v.object({
  domain: v.optional(v.array(Json)),
  type: v.optional(v.string()),
  default: v.optional(Json),
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

const DatasetSelector = v.object({
  /** As typed: `com.lecun.mnist`, `com.lecun.mnist@image`, `mnist`, `org.example.x[dim=50]`. */
  id: v.string(),
  /** The repository searched first when `id` is not a full one. */
  defaultRepository: v.optional(v.string()),
})

export const ResourceInfo = v.object({
  name: v.string(),
  kind: v.string(),
  urls: v.array(v.string()),
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
  action: v.picklist(["none", "download", "extract-cached", "make", "reference"]),
  urls: v.array(v.string()),
  target: v.optional(v.string()),
  /** To fetch; of what is there already, on the disk. Absent where nobody knows. */
  bytes: v.optional(v.number()),
})

export const Encoder = v.picklist(["normal", "xpm"])
export type Encoder = v.InferOutput<typeof Encoder>

/** What `datasets/prepare` and `jobs/start` are told to do. */
const Preparation = v.object({
  ...DatasetSelector.entries,
  encoder: Encoder,
  /** `false`: never fetch; fail with NOT_PREPARED where something lacks. */
  download: v.boolean(),
  force: v.optional(v.boolean()),
  keepDownloads: v.optional(v.boolean()),
  connections: v.optional(Connections),
  /** Ids of the agreements that the person has accepted. */
  agreements: v.optional(v.array(v.string())),
  /** Chosen by the controller: asked for again with the same one, the work is found and not begun twice. */
  job: v.optional(JobId),
  /** What becomes of the work when the connection is lost; `continue` by default. */
  onDisconnect: v.optional(v.picklist(["continue", "cancel"])),
  /** Absent: the controller relays nothing. */
  relay: v.optional(RelayMode),
  /** Take what lacks from the machine that the controller has at hand, see `copyAddress`, and download nothing. */
  copy: v.optional(v.boolean()),
  /** The work runs in an allocation of Slurm. */
  slurm: v.optional(SlurmOptions),
})

const Prepared = v.object({ id: v.string(), repository: v.string(), value: Json })

/** A job as a person names it: its id, or the beginning of it. */
const JobReference = v.object({ job: v.string() })

/** `lost`: its process is gone without a result, it can be resumed. `unreadable`: `detail` says why. */
export const JobState = v.picklist(["queued", "running", "done", "failed", "cancelled", "lost", "unreadable"])
export type JobState = v.InferOutput<typeof JobState>

export const JobSummary = v.object({
  id: v.string(),
  state: JobState,
  /** As asked for. */
  dataset: v.optional(v.string()),
  /** Seconds since 1970, by the clock of the machine that wrote it. */
  since: v.optional(v.number()),
  /** Where it runs or ran last. */
  host: v.optional(v.string()),
  pid: v.optional(v.number()),
  /** The newest thing it told of its progress. */
  progress: v.optional(ProgressEvent),
  /** Slurm's number of it, where it was submitted. */
  slurm: v.optional(v.string()),
  /** Why it failed, waits, or can't be read. */
  detail: v.optional(v.string()),
})
export type JobSummary = v.InferOutput<typeof JobSummary>

/** One line of a job's journal: an event of the work, or something that happened to the job itself. */
export const JobLogEntry = v.object({
  /** ISO 8601. */
  time: v.string(),
  event: v.optional(ProgressEvent),
  message: v.optional(v.string()),
})
export type JobLogEntry = v.InferOutput<typeof JobLogEntry>

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

/** One JSON-RPC method: the shape of what is sent and of what comes back. */
function method<P extends v.GenericSchema, R extends v.GenericSchema>(params: P, result: R): { params: P; result: R } {
  return { params, result }
}

const Nothing = v.object({})

/** What the controller asks of the agent. Each method stands here once; both ends are typed from it. */
export const AGENT_METHODS = {
  /** First of all: versions, the data directory, where things are. */
  initialize: method(
    v.object({
      protocol: v.number(),
      controller: v.string(),
      /** `--data`; else the machine's own environment decides. */
      data: v.optional(v.string()),
      /** `login`: ask the login shell for its environment (remote); `inherit`: the process's own (local). */
      environment: v.picklist(["login", "inherit"]),
      debug: v.optional(v.boolean()),
    }),
    v.object({
      protocol: v.number(),
      agent: v.string(),
      hostname: v.string(),
      platform: v.string(),
      arch: v.string(),
      node: v.string(),
      pid: v.number(),
      paths: Paths,
      /** Which rule chose the data directory. */
      dataSource: v.picklist(["option", "environment", "default"]),
      /** What should be told to the person, e.g. a login shell that did not answer. */
      warnings: v.array(v.string()),
    }),
  ),
  /** What `doctor` asks: how the machine is, as the agent sees it. Nothing is left behind. */
  "machine/diagnose": method(
    v.object({
      /** An http(s) address whose answer, whatever it is, shows that the way out is open. */
      url: v.string(),
    }),
    v.object({
      data: v.object({
        /** Whether the data directory is there; else the nearest folder above it was looked at. */
        exists: v.boolean(),
        /** The folder that was looked at, absolute. */
        looked: v.string(),
        freeBytes: v.optional(v.number()),
        /** Absent where the file system counts none. */
        freeInodes: v.optional(v.number()),
        /** Why nothing can be written, as an error's code, message and next step. */
        failure: v.optional(v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) })),
      }),
      internet: v.object({ status: v.optional(v.number()), failure: v.optional(v.string()), milliseconds: v.number() }),
      /** Variables that name a proxy, without passwords. */
      proxies: StringMap,
    }),
  ),
  /** The machine's clock, in milliseconds since 1970. */
  "machine/time": method(Nothing, v.object({ time: v.number() })),
  /** Declares the repositories of this session; answers with the packs that must be uploaded first. */
  "repositories/declare": method(
    v.object({ repositories: v.array(RepositoryLocation) }),
    v.object({ missing: v.array(v.string()) }),
  ),
  /** A piece of a pack (gzipped tar, hash of the whole); pieces come in order, the last one makes it usable. */
  "packs/upload": method(
    v.object({ hash: v.string(), offset: v.number(), data: v.string(), last: v.boolean() }),
    Nothing,
  ),
  "repositories/list": method(Nothing, v.object({ repositories: v.array(RepositorySummary) })),
  "datasets/search": method(
    v.object({ terms: v.array(v.string()) }),
    v.object({ hits: v.array(SearchHit), warnings: v.array(v.string()) }),
  ),
  "datasets/info": method(DatasetSelector, DatasetInfo),
  /** Resolves, downloads, verifies, extracts, describes; sends progress; cancellable. */
  "datasets/prepare": method(Preparation, Prepared),
  /** Every address that preparing a dataset, with those it refers to, may ask: whole ones, and beginnings. */
  "datasets/sources": method(DatasetSelector, v.object({ urls: v.array(v.string()), prefixes: v.array(v.string()) })),
  /** What a copy of a dataset must bring, with those it refers to: what these come first. */
  "copies/describe": method(DatasetSelector, v.object({ id: v.string(), datasets: v.array(v.string()) })),
  /** @see copyAddress */
  "copies/manifest": method(v.object({ dataset: v.string() }), CopiedDataset),
  /** A piece of a file, in base64; shorter at the file's end. */
  "copies/read": method(
    v.object({ dataset: v.string(), path: v.string(), offset: v.number(), length: v.number() }),
    v.object({ data: v.string() }),
  ),
  /** The value with the paths it will have, without touching the disk. */
  "datasets/value": method(v.object({ ...DatasetSelector.entries, encoder: Encoder }), Prepared),
  /** What `datasets/prepare` would do. With `ask`, servers are asked for sizes that the author does not tell. */
  "datasets/plan": method(
    v.object({ ...DatasetSelector.entries, ask: v.optional(v.boolean()) }),
    v.object({
      id: v.string(),
      repository: v.string(),
      path: v.string(),
      work: v.array(PlannedWork),
      /** Bytes to fetch, as far as they are known. */
      fetch: v.number(),
      /** How many resources to fetch nobody knows the size of. */
      unknown: v.number(),
      /** Bytes that may still be written to the data directory's file system. */
      free: v.optional(v.number()),
      /** Whether the downloads alone fit, as far as their sizes are known. */
      fits: v.optional(v.boolean()),
    }),
  ),
  /** Begins a preparation that goes on without this connection; answers as soon as it can be found again. */
  "jobs/start": method(Preparation, v.object({ job: v.string() })),
  "jobs/list": method(Nothing, v.object({ jobs: v.array(JobSummary) })),
  /** The job's progress so far and from now on, and its result. Resumes one that is lost. Cancelling only stops looking. */
  "jobs/attach": method(v.object({ ...JobReference.entries, relay: v.optional(RelayMode) }), Prepared),
  "jobs/logs": method(JobReference, v.object({ entries: v.array(JobLogEntry) })),
  /** Asks the job to stop and waits until it has. */
  "jobs/cancel": method(JobReference, v.object({ job: v.string(), state: JobState })),
  /** Compares what is prepared with its manifest; paths are absolute. */
  "datasets/verify": method(
    DatasetSelector,
    v.object({
      id: v.string(),
      repository: v.string(),
      /** How many files are as recorded. */
      sound: v.number(),
      /** There, but no sum was ever known. */
      unverified: v.array(v.string()),
      changed: v.array(v.object({ path: v.string(), reason: v.string() })),
      missing: v.array(v.string()),
      added: v.array(v.string()),
    }),
  ),
  /** Asks every source of a repository's datasets, all variants of them, whether it is there. */
  "repositories/check": method(
    v.object({ repository: v.string() }),
    v.object({
      repository: v.string(),
      datasets: v.array(
        v.object({
          id: v.string(),
          /** Why its sources are not known. */
          error: v.optional(v.string()),
          resources: v.array(
            v.object({
              name: v.string(),
              /** It can be had, maybe only from an alternative. */
              ok: v.boolean(),
              sources: v.array(
                v.object({
                  url: v.string(),
                  ok: v.boolean(),
                  /** Of HTTP. */
                  status: v.optional(v.number()),
                  size: v.optional(v.number()),
                  error: v.optional(v.string()),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
  /** Loads a repository and plans all of it, for its author: what is wrong (`error`) or looks so (`warning`). No network. */
  "repositories/inspect": method(
    v.object({ repository: v.string() }),
    v.object({
      repository: v.string(),
      datasets: v.number(),
      variants: v.number(),
      problems: v.array(
        v.object({ level: v.picklist(["error", "warning"]), dataset: v.optional(v.string()), message: v.string() }),
      ),
    }),
  ),
  /** What lies below `DATA/data` and belongs to no dataset of the declared repositories; paths are absolute. */
  "orphans/list": method(
    v.object({ size: v.boolean() }),
    v.object({
      orphans: v.array(v.object({ path: v.string(), bytes: v.optional(v.number()) })),
      /** What can't be told, and why. */
      unknown: v.array(v.object({ path: v.string(), reason: v.string() })),
    }),
  ),
  /** Removes those of the paths that are orphans still. */
  "orphans/remove": method(v.object({ paths: v.array(v.string()) }), v.object({ removed: v.array(v.string()) })),
  "settings/get": method(Nothing, GlobalSettings),
  "datafolders/list": method(Nothing, v.object({ datafolders: StringMap })),
  "datafolders/set": method(v.object({ key: v.string(), path: v.string() }), v.object({ path: v.string() })),
  "datafolders/remove": method(v.object({ key: v.string() }), Nothing),
  "cache/list": method(Nothing, v.object({ entries: v.array(CacheEntry) })),
  "cache/clear": method(
    v.object({
      /** Only entries neither changed nor used for this many seconds. */
      olderThan: v.optional(v.number()),
    }),
    v.object({ removed: v.number(), bytes: v.number(), kept: v.number() }),
  ),
  "cache/verify": method(
    Nothing,
    v.object({ sound: v.number(), removed: v.array(v.object({ key: v.string(), reason: v.string() })) }),
  ),
} as const

export type AgentMethods = typeof AGENT_METHODS
export type AgentMethod = keyof AgentMethods
export type Params<M extends AgentMethod> = v.InferOutput<AgentMethods[M]["params"]>
export type Result<M extends AgentMethod> = v.InferOutput<AgentMethods[M]["result"]>

/** Notifications, as the Language Server Protocol names them; `id` is that of the request they belong to. */
export const NOTIFICATIONS = {
  /** Controller to agent: stop working on this request; it still gets its answer (INTERRUPTED). */
  "$/cancelRequest": v.object({ id: v.union([v.number(), v.string()]) }),
  /** Agent to controller: how far a request is. */
  "$/progress": v.object({ id: v.union([v.number(), v.string()]), event: ProgressEvent }),
  /** Either way, when nothing else was sent for a while: we are alive. */
  "$/heartbeat": v.object({}),
  ...RELAY_FROM_AGENT,
  ...RELAY_FROM_CONTROLLER,
} as const

export type NotificationMethod = keyof typeof NOTIFICATIONS
