import * as v from "valibot"
import { CacheEntry } from "./cache-entry.ts"
import { CopiedDataset } from "./copy.ts"
import { DatasetInfo, PlannedWork, SearchHit } from "./dataset-info.ts"
import { ProgressEvent } from "./events.ts"
import { GlobalSettings } from "./global-settings.ts"
import { JobLogEntry, JobReference, JobState, JobSummary } from "./job-summary.ts"
import { AcceptedAgreement, DatasetSelector, Encoder, Preparation, Prepared } from "./preparation.ts"
import { RELAY_FROM_AGENT, RELAY_FROM_CONTROLLER, RelayMode } from "./relay.ts"
import { RepositoryLocation, RepositorySummary } from "./repository-location.ts"

/** The contract's version; both ends must speak the same one. The controller brings its own agent, so they do. */
export const PROTOCOL_VERSION = 1

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
      /** `data` of the host in the user settings, for where the environment names none. */
      dataSetting: v.optional(v.string()),
      /** `login`: ask the login shell for its environment (remote); `inherit`: the process's own (local). */
      environment: v.picklist(["login", "inherit"]),
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
      dataSource: v.picklist(["option", "environment", "settings", "default"]),
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
    v.object({
      repositories: v.array(RepositoryLocation),
      /** Why packages that may have others can't be read: told where something is looked for and not found. */
      unreadable: v.array(v.string()),
    }),
    v.object({ missing: v.array(v.string()) }),
  ),
  /** A piece of a pack (gzipped tar, hash of the whole); pieces come in order, the last one makes it usable. */
  "packs/upload": method(
    v.object({ hash: v.string(), offset: v.number(), data: v.string(), last: v.boolean() }),
    Nothing,
  ),
  "repositories/list": method(
    Nothing,
    v.object({ repositories: v.array(RepositorySummary), unreadable: v.array(v.string()) }),
  ),
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
  /** So many bytes of files that follow each other, from an offset in the first on; they come as the answer's bytes. */
  "copies/read": method(
    v.object({ dataset: v.string(), paths: v.array(v.string()), offset: v.number(), length: v.number() }),
    v.object({}),
  ),
  /** The value with the paths it will have, without touching the disk. */
  "datasets/value": method(v.object({ ...DatasetSelector.entries, encoder: Encoder }), Prepared),
  /** What `datasets/prepare` would do. With `ask`, servers are asked for sizes that the author does not tell. */
  "datasets/plan": method(
    v.object({
      ...DatasetSelector.entries,
      ask: v.optional(v.boolean()),
      keepDownloads: v.optional(v.boolean()),
      agreements: v.optional(v.array(AcceptedAgreement)),
    }),
    v.object({
      id: v.string(),
      repository: v.string(),
      path: v.string(),
      work: v.array(PlannedWork),
      /** The agreements without which `datasets/prepare` would fail. */
      unaccepted: v.array(v.object({ dataset: v.string(), id: v.string(), url: v.optional(v.string()) })),
      /** Bytes to fetch, as far as they are known. */
      fetch: v.number(),
      /** How many resources to fetch nobody knows the size of. */
      unknown: v.number(),
      /** Bytes that may still be written to the data directory's file system. */
      free: v.optional(v.number()),
      /** Bytes that must be free at least, with what unpacking takes, as far as it is known. */
      needs: v.number(),
      /** Whether that is free, and as many files (inodes) as are known to be made. */
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
      /** The datasets that have what is changed or missing: it, or those that it refers to. */
      damaged: v.array(v.string()),
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
              kind: v.string(),
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

/** The stream of the agent's own second part; those of the relay begin with 1. */
export const REST_STREAM = 0

export const PartAnnouncement = v.object({ bytes: v.pipe(v.number(), v.integer(), v.minValue(1)) })
export type PartAnnouncement = v.InferOutput<typeof PartAnnouncement>

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
  /** Agent to controller: its second part is wanted, and not there. */
  "$/agent/wanted": v.object({}),
  /** Agent to controller: the second part was sent, and can't be kept for the next time. */
  "$/agent/unkept": v.object({ reason: v.string() }),
  /** Agent to controller: something to tell the person now, whatever is asked for. */
  "$/agent/notice": v.object({ message: v.string() }),
  /** Agent to controller: code of others begins, which may hold it up so that it can't tell itself; and ends. */
  "$/agent/code": v.object({ code: v.string(), over: v.boolean() }),
  /** Controller to agent: the next bytes of `REST_STREAM` are the second part of the agent, as Brotli. */
  "$/agent/rest": PartAnnouncement,
  ...RELAY_FROM_AGENT,
  ...RELAY_FROM_CONTROLLER,
} as const

export type NotificationMethod = keyof typeof NOTIFICATIONS
