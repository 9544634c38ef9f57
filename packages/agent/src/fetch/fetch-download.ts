import { DatamaestroError } from "@datamaestro/protocol"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import type { DownloadCache } from "../store/cache.ts"
import { redactUrl } from "../store/cache-url.ts"
import { Availability } from "./availability.ts"
import { withTokens } from "./credentials.ts"
import { addressed } from "./fetch-events.ts"
import { FETCH_TUNING, type FetchContext } from "./fetch-types.ts"
import { withHubEndpoint } from "./hugging-face.ts"
import { obtain } from "./obtain.ts"
import { SharedJob } from "./shared-job.ts"
import { sourcesOf } from "./sources.ts"

const running = new WeakMap<DownloadCache, Map<string, SharedJob>>()

/**
 * The verified download of a resource: from the cache, else from its mirrors and URLs in order, continuing what an
 * earlier run left. Rejects with DOWNLOAD_FAILED, TRUNCATED, CHECKSUM_MISMATCH or CORRUPT when no source works, with the
 * codes of the storage when it can't be kept, with INTERRUPTED when `signal` aborts; unfinished parts stay.
 *
 * The same request to the same cache twice at once is one download. Release the result.
 */
export async function fetchDownload(request: FetchRequest, context: FetchContext): Promise<CachedDownload> {
  const { cache } = context
  const url = request.urls[0]
  if (url === undefined) {
    throw new DatamaestroError("BROKEN_DEFINITION", `Cannot download "${context.resource}": it has no URL`, {
      hint: "give the resource a URL in the dataset's definition",
    })
  }
  const environment = withTokens(context.environment ?? process.env, context.tokens)
  const mirrored = sourcesOf(request.urls, withHubEndpoint(context.mirrors, environment))
  // A controller knows none of the data machine's mirrors.
  const relayed = context.wayOut?.relayed === true
  const reachable = relayed ? mirrored.filter((url) => request.urls.includes(url) || /^file:/i.test(url)) : mirrored
  const sources = reachable.filter((source) => request.leftOut?.includes(redactUrl(source)) !== true)
  const jobs = running.get(cache) ?? new Map<string, SharedJob>()
  running.set(cache, jobs)
  const name = JSON.stringify([
    request,
    sources,
    context.tuning,
    context.connections,
    context.environment,
    context.tokens,
  ])
  let job = jobs.get(name)
  if (job === undefined) {
    const started = new SharedJob(
      (signal, emit) =>
        obtain({
          cache,
          key: cache.keyOf(url),
          request,
          sources,
          tuning: {
            ...FETCH_TUNING,
            ...(context.connections === undefined ? {} : { connections: context.connections }),
            ...context.tuning,
          },
          environment,
          wayOut: context.wayOut,
          signal,
          emit,
          availability: new Availability(emit),
        }),
      () => {
        if (jobs.get(name) === started) jobs.delete(name)
      },
    )
    jobs.set(name, started)
    job = started
  }
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
