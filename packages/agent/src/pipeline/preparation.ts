import { join } from "node:path"
import type { Plan, PlannedResource } from "@datamaestro/dataset"
import type { AcceptedAgreement, GlobalSettings, Paths, ProgressListener } from "@datamaestro/protocol"
import type { CopyReader } from "../copy/copy-reader.ts"
import type { WayOut } from "../fetch/way-out.ts"
import type { StepContext } from "../pipeline-types.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import type { DownloadCache } from "../store/cache.ts"
import { DOWNLOADS_FOLDER } from "../store/dataset-names.ts"
import type { Datafolders } from "../store/layout.ts"
import type { Lock } from "../store/lock.ts"
import type { Sharing } from "./shared-making.ts"
import type { FoundDataset } from "./found-dataset.ts"

export interface PrepareOptions {
  paths: Paths
  cache: DownloadCache
  datafolders?: Datafolders | undefined
  mirrors?: GlobalSettings["mirrors"] | undefined
  /** What the person has accepted. */
  agreements?: readonly AcceptedAgreement[] | undefined
  /** `false`: fetch nothing; NOT_PREPARED for what the download cache does not have. Default true. */
  download?: boolean | undefined
  /** Prepares anew what is there; the old stays until the new is whole. Datasets it refers to are left alone. */
  force?: boolean | undefined
  /** Only downloads into the cache what lacks. */
  fetchOnly?: boolean | undefined
  /** Keeps downloads in the cache. */
  keepDownloads?: boolean | undefined
  /** Whether a download, by its first URL, stays in the cache for somebody else. */
  isAwaited?: ((url: string) => Promise<boolean>) | undefined
  /** Most connections to one server for one file. */
  connections?: number | undefined
  /** The settings' `tokens`: host to bearer token. */
  tokens?: GlobalSettings["tokens"] | undefined
  /** Whether requests leave from this machine; they do by default. */
  wayOut?: WayOut | undefined
  /** Takes what lacks from another machine, and downloads nothing. */
  copy?: CopyReader | undefined
  /** Tells the progress of whoever prepares a dataset while we wait for them, until `stop` aborts. */
  followHolder?: ((dataset: string, holder: string, stop: AbortSignal) => Promise<void>) | undefined
  /** Other processes make some of the archives. */
  sharing?: Sharing | undefined
  signal: AbortSignal
  progress: ProgressListener
}

/** One dataset that is being prepared, its lock held. */
export interface Preparation {
  dataset: ResolvedDataset
  plan: Plan
  /** The dataset's folder, absolute. */
  folder: string
  /** `.downloads` in it: everything is written here first. */
  downloads: string
  found: FoundDataset
  options: PrepareOptions
  /** Aborts on the person's wish and when another resource failed. */
  signal: AbortSignal
  lock: Lock
  /** Nothing is placed: that is up to the process that has the dataset's lock. */
  onlyReady?: boolean
  /** Runs one placement at a time of those that may meet others', so that two resources never fill one place unseen. */
  placing<T>(work: () => Promise<T>): Promise<T>
}

/** What one dataset is prepared with: found on the disk, its lock held. */
export function preparationOf(
  dataset: ResolvedDataset,
  found: FoundDataset,
  options: PrepareOptions,
  own: Pick<Preparation, "signal" | "lock" | "placing" | "onlyReady">,
): Preparation {
  const { folder } = found
  return { dataset, plan: dataset.plan, folder, downloads: join(folder, DOWNLOADS_FOLDER), found, options, ...own }
}

/** What a resource's step is given. */
export function stepContext(preparation: Preparation, resource: PlannedResource): StepContext {
  const { plan, options, signal } = preparation
  return { dataset: plan.id, resource: resource.name, signal, progress: options.progress }
}
