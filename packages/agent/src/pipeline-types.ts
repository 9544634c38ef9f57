import type { Integrity } from "@datamaestro/dataset"
import type { ProgressListener } from "@datamaestro/protocol"

/** What every step of the pipeline is given besides its own input. */
export interface StepContext {
  /** The dataset's id and the resource's name, for events and errors. */
  dataset: string
  resource: string
  signal: AbortSignal
  /** Counts may be told at each change: whoever sends them on merges them (`ProgressCoalescer`). */
  progress: ProgressListener
}

/** A download that lies whole and verified in the cache, held so that nobody removes it. */
export interface CachedDownload {
  /** Absolute path: of the `.dl` file, or of one of its own. */
  path: string
  /** The URL that is its key: the plan's first. */
  url: string
  /** The URL the bytes came from: a mirror's, or where redirects ended. No credentials. */
  source: string
  /** What else there is to have it from, in the order of trying. No credentials. */
  elsewhere: readonly string[]
  bytes: number
  /** SHA-256 of the bytes, lower-case hex. */
  sha256: string
  etag: string | undefined
  lastModified: string | undefined
  /** Nothing was transferred: the cache had it. */
  fromCache: boolean
  /** It did not go by way of the cache, which has nothing of it to be removed. */
  besideCache?: boolean
  /** Lets go of it; `remove` also deletes it unless somebody else holds it. */
  release(options: { remove: boolean }): Promise<void>
}

/**
 * What can be read of a download while it still comes: the first `bytes` bytes of the file at `path`, and those at its end
 * from `endFrom` on, written though neither verified nor forced onto the disk. A reader that has it open keeps it through
 * its rename into the cache. `generation` differs from the one told before whenever earlier bytes, or the path, became void: then all starts over.
 */
export interface AvailableBytes {
  path: string
  bytes: number
  /** Bytes of all of it, where the server has told. */
  total?: number
  /** Where those at its end begin that are there before the ones between. */
  endFrom?: number
  generation: number
}

/** One file at its final path, as the manifest records it. `path` is relative to the dataset's folder. */
export interface PlacedFile {
  path: string
  bytes: number
  sha256: string
}

/** What fetching needs to know. `integrity` holds those of the download only. */
export interface FetchRequest {
  urls: string[]
  integrity: Integrity[]
  size: number | undefined
  /** It is an archive, whatever its URL looks like: an HTML page in its place is recognised and told. */
  archive?: boolean
  /** What the file is called once it is here; `.csv` says the same of what its URL hides, as `/download?id=7` does. */
  name?: string
  /** It is a zip that is read while it comes: the directory at its end is wanted before the rest. */
  directoryAtEnd?: boolean
  /** What is made of it takes at least its size again, beside it. */
  grows?: boolean
  /** What came from these sources was of no use: it comes anew, and from none of them. */
  leftOut?: readonly string[]
}
