import type { Environment } from "@datamaestro/outgoing"
import { DatamaestroError } from "@datamaestro/protocol"
import { UnderWay } from "../concurrency/under-way.ts"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import type { DownloadCache } from "../store/cache.ts"
import { redactUrl } from "../store/cache-url.ts"
import { Availability } from "./availability.ts"
import { withTokens } from "./credentials.ts"
import { addressed, type JobEvent } from "./fetch-events.ts"
import { FETCH_TUNING, type FetchContext } from "./fetch-types.ts"
import { withHubEndpoint } from "./hugging-face.ts"
import { obtain, type Obtained } from "./obtain.ts"
import { SharedJob } from "./shared-job.ts"
import { isReachable, sourcesOf } from "./sources.ts"

const running = new WeakMap<DownloadCache, UnderWay<SharedJob>>()

/**
 * The verified download of a resource: from the cache, else from its mirrors and URLs in order, continuing what an
 * earlier run left. Rejects with DOWNLOAD_FAILED, TRUNCATED, CHECKSUM_MISMATCH or CORRUPT when no source works, with the
 * codes of the storage when it can't be kept, with NOT_PREPARED where only the cache may be used, with INTERRUPTED when `signal` aborts; unfinished parts stay.
 *
 * The same request to the same cache twice at once is one download. Release the result.
 */
export async function fetchDownload(request: FetchRequest, context: FetchContext): Promise<CachedDownload> {
  const { cache } = context
  const url = request.urls[0]
  if (url === undefined) throw withoutUrl(context.resource)
  const environment = withTokens(context.environment ?? process.env, context.tokens)
  const sources = reachableSources(request, context, environment)
  const { tuning, connections, tokens, cachedOnly } = context
  const name = JSON.stringify([request, sources, tuning, connections, context.environment, tokens, cachedOnly])
  const job = sharedJob(cache, name, (signal, emit) =>
    obtain({
      cache,
      key: cache.keyOf(url),
      request,
      sources,
      cachedOnly,
      tuning: { ...FETCH_TUNING, ...(connections === undefined ? {} : { connections }), ...tuning },
      environment,
      wayOut: context.wayOut,
      signal,
      emit,
      availability: new Availability(emit),
    }),
  )
  return await job.join(
    context.signal,
    (event) => {
      if (event.phase !== "available") return context.progress(addressed(event, context.dataset, context.resource))
      const { phase: _, ...part } = event
      context.onAvailable?.(part)
    },
    async ({ entry, sha256, fromCache }) => {
      const hold = await cache.hold(cache.keyOf(url))
      const source = entry.record?.source ?? redactUrl(url)
      return {
        path: entry.path,
        url: redactUrl(url),
        source,
        elsewhere: sources.map(redactUrl).filter((other) => other !== source),
        bytes: entry.bytes,
        sha256,
        etag: entry.record?.etag,
        lastModified: entry.record?.lastModified,
        fromCache,
        release: (options) => hold.release(options),
      }
    },
  )
}

/** Where the bytes may be had, in order: mirrors, then the URLs, save those that can't be asked or were found wanting. */
function reachableSources(
  { urls, leftOut }: FetchRequest,
  { mirrors, wayOut }: FetchContext,
  environment: Environment,
): string[] {
  const mirrored = sourcesOf(urls, withHubEndpoint(mirrors, environment))
  const reachable = mirrored.filter((source) => isReachable(source, urls, wayOut))
  return reachable.filter((source) => leftOut?.includes(redactUrl(source)) !== true)
}

/** The job of that name which runs for the cache already, else a new one. */
function sharedJob(
  cache: DownloadCache,
  name: string,
  run: (signal: AbortSignal, emit: (event: JobEvent) => void) => Promise<Obtained>,
): SharedJob {
  const jobs = running.get(cache) ?? new UnderWay<SharedJob>()
  running.set(cache, jobs)
  return jobs.share(name, (ended) => new SharedJob(run, ended))
}

function withoutUrl(resource: string): DatamaestroError {
  return new DatamaestroError("BROKEN_DEFINITION", `Cannot download "${resource}": it has no URL`, {
    hint: "give the resource a URL in the dataset's definition",
  })
}
