import type { GlobalSettings } from "@datamaestro/protocol"
import type { AvailableBytes, StepContext } from "../pipeline-types.ts"
import type { DownloadCache } from "../store/cache.ts"
import type { WayOut } from "./way-out.ts"

/** What fetching is given besides the request. */
export interface FetchContext extends StepContext {
  cache: DownloadCache
  /** The settings' `mirrors`: URL prefix to replacement prefixes, tried in order before the original. */
  mirrors?: GlobalSettings["mirrors"]
  /** Where proxies, `HOME`/`NETRC`, tokens and certificates are read; this process's by default. */
  environment?: Readonly<Record<string, string | undefined>>
  tuning?: Partial<FetchTuning>
  /** The settings' `tokens`: host to bearer token. Those of the environment go before. */
  tokens?: GlobalSettings["tokens"]
  /** Whether requests leave from this machine; they do by default. */
  wayOut?: WayOut | undefined
  /** Most connections to one server for one file: 4 by default, never more than 16. */
  connections?: number
  /** Only what the cache has: no server is asked. */
  cachedOnly?: boolean
  /**
   * Told what can be read already, about once a MiB or each 20 ms, and at once for what the cache has; every generation
   * that ends well is told with its full size before the download is. Must return at once: a slow reader slows nothing.
   */
  onAvailable?(part: AvailableBytes): void
}

/** Times and limits of fetching. */
export interface FetchTuning {
  /** A connection without a byte for this long counts as cut. */
  stallSeconds: number
  connectSeconds: number
  /** Attempts in a row without a new byte before a source is given up. */
  attempts: number
  /** The same for a source after which others follow. */
  attemptsWithAlternative: number
  /** A source after which others follow is left when it brings less than this, on average over so long. */
  slowBytesPerSecond: number
  slowSeconds: number
  /** The first delay before a retry is between 0 and this; each further one may be twice as long. */
  firstDelaySeconds: number
  /** No delay of our own is longer. */
  longestDelaySeconds: number
  /** A server that asks to wait longer is given up. */
  longestRetryAfterSeconds: number
  redirects: number
  /** Most connections to one server for one file. */
  connections: number
  /** From how many missing bytes on more than one is considered. */
  segmentFromBytes: number
  /** From how many missing bytes on the directory at a zip's end is asked for before the rest. */
  endFirstFromBytes: number
  /** What one connection is asked for at a time, at least. */
  pieceBytes: number
  /** How long rates are measured. */
  probeSeconds: number
  /** What one connection brings within this time is left to it. */
  worthSeconds: number
  /** How long one connection may be far slower than the others before what it lacks is asked for anew; each time twice as long. */
  stragglerSeconds: number
}

export const FETCH_TUNING: FetchTuning = {
  stallSeconds: 30,
  connectSeconds: 15,
  attempts: 7,
  attemptsWithAlternative: 3,
  slowBytesPerSecond: 50_000,
  slowSeconds: 30,
  firstDelaySeconds: 1,
  longestDelaySeconds: 60,
  longestRetryAfterSeconds: 900,
  redirects: 10,
  connections: 4,
  segmentFromBytes: 64 * 1024 * 1024,
  endFirstFromBytes: 32 * 1024 * 1024,
  pieceBytes: 4 * 1024 * 1024,
  probeSeconds: 0.25,
  worthSeconds: 2,
  stragglerSeconds: 3,
}
