import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { FetchRequest } from "../pipeline-types.ts"
import type { CacheEntryFound, DownloadCache } from "../store/cache.ts"
import type { CachePart } from "../store/cache-part.ts"
import { hasCredentials, redactUrl } from "../store/cache-url.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { decodeContent, decodesToGzip, isCompressedFile } from "./content-coding.ts"
import type { Availability } from "./availability.ts"
import { throttled, type JobEvent } from "./fetch-events.ts"
import type { FetchTuning } from "./fetch-types.ts"
import { isDataDue, startsAsHtml } from "./html-page.ts"
import { PartHasher } from "./part-hasher.ts"
import { PartRequests } from "./part-requests.ts"
import { missingCertificates, type Environment } from "@datamaestro/outgoing"
import { allSourcesFailed, byHand, htmlError, reasonOf, sizeError, sourceError } from "./source-error.ts"
import { SlowWatch } from "./slow-watch.ts"
import { isReachable } from "./sources.ts"
import { SpaceCheck } from "./space.ts"
import { transfer } from "./transfer.ts"
import type { WayOut } from "./way-out.ts"

/** Failures of one source, after which another may do. */
const SOURCE_FAILURES = new Set(["DOWNLOAD_FAILED", "TRUNCATED", "CHECKSUM_MISMATCH", "CORRUPT"])

export interface DownloadJob {
  cache: DownloadCache
  key: string
  request: FetchRequest
  /** All URLs to try, in order. */
  sources: readonly string[]
  /** Nothing may be downloaded. */
  cachedOnly?: boolean | undefined
  tuning: FetchTuning
  environment: Environment
  wayOut?: WayOut | undefined
  signal: AbortSignal
  emit(event: JobEvent): void
  availability: Availability
}

/**
 * Downloads into the cache, for the holder of the key's lock: from the first source that gives what is declared. One
 * that is slow is left for the next, and taken all the same when no other works. A
 * checksum that does not match costs the source one retry from scratch; nothing unverified gets a final name.
 */
export async function download(job: DownloadJob): Promise<CacheEntryFound> {
  const { cache, key, sources, wayOut } = job
  warnOfCertificates(job)
  const { urls } = job.request
  const tried: { url: string; error: DatamaestroError }[] = []
  const slot = new PartSlot(
    await cache.openPart(key, redactUrl(urls[0] ?? "")),
    new SpaceCheck(job.request.grows === true),
  )
  const queue = [...sources]
  try {
    for (let index = 0; index < queue.length; index++) {
      const source = queue[index] ?? ""
      if (!isReachable(source, urls, wayOut)) continue
      try {
        return await fromSource(job, slot, source, index < sources.length - 1)
      } catch (error) {
        if (!(error instanceof DatamaestroError) || !SOURCE_FAILURES.has(error.code)) throw error
        if (!urls.includes(source)) wayOut?.lost(source, error.cause)
        if (error.details.slow === true) queue.push(source)
        else tried.push({ url: redactUrl(source), error })
        const next = queue.slice(index + 1).find((other) => isReachable(other, urls, wayOut))
        if (next === undefined) break
        job.emit({
          phase: "notice",
          level: "warning",
          message: `Left ${redactUrl(source)} for ${redactUrl(next)}: ${reasonOf(error)}`,
        })
      }
    }
    throw allSourcesFailed(tried)
  } finally {
    slot.space.end()
    await slot.part.keep()
  }
}

function warnOfCertificates({ sources, environment, emit }: DownloadJob): void {
  if (!sources.some((source) => /^https:/i.test(source))) return
  const message = missingCertificates(environment)
  if (message !== undefined) emit({ phase: "notice", level: "warning", message })
}

/** The part that is being filled; another one after its content was decoded. */
class PartSlot {
  part: CachePart
  readonly space: SpaceCheck

  constructor(part: CachePart, space: SpaceCheck) {
    this.part = part
    this.space = space
  }
}

async function fromSource(
  job: DownloadJob,
  slot: PartSlot,
  source: string,
  hasNext: boolean,
): Promise<CacheEntryFound> {
  const { request } = job
  const hasher = new PartHasher(request.integrity.map(({ algorithm }) => algorithm))
  const slow = hasNext ? new SlowWatch(() => slot.part, job.tuning) : undefined
  try {
    return await transferAndAccept(job, slot, hasher, source, slow)
  } catch (error) {
    if (slow?.signal.aborted !== true || job.signal.aborted) throw error
    throw sourceError("DOWNLOAD_FAILED", source, slow.reason, "try again later", { details: { slow: true } })
  } finally {
    slow?.stop()
    slot.space.end()
    await hasher.close()
  }
}

async function transferAndAccept(
  job: DownloadJob,
  slot: PartSlot,
  hasher: PartHasher,
  source: string,
  slow: SlowWatch | undefined,
): Promise<CacheEntryFound> {
  const { cache, key, request, tuning, environment } = job
  const signal = slow === undefined ? job.signal : AbortSignal.any([job.signal, slow.signal])
  const first = request.urls[0] ?? source
  const parts = new PartRequests()
  for (let again = false; ; again = true) {
    await transfer({
      source,
      part: slot.part,
      hasher,
      declared: request.integrity.length > 0,
      size: request.size,
      space: slot.space,
      endFirst: { wanted: request.directoryAtEnd === true },
      parts,
      data: isDataDue(request),
      byHand: byHand(first, cache.entryPath(key)),
      attempts: slow !== undefined ? tuning.attemptsWithAlternative : tuning.attempts,
      tuning,
      environment,
      wayOut: request.urls.includes(source) ? job.wayOut : undefined,
      signal,
      emit: (event) => job.emit(event),
      availability: job.availability,
    })
    slow?.stop()
    try {
      return await accept(job, slot, hasher, source)
    } catch (error) {
      if (!(error instanceof DatamaestroError) || !SOURCE_FAILURES.has(error.code)) throw error
      await slot.part.restart()
      hasher.reset()
      if (again) throw error
      job.emit({
        phase: "notice",
        level: "warning",
        message: `Downloading ${redactUrl(source)} again: ${reasonOf(error)}`,
      })
    }
  }
}

/** Verifies a whole part and gives it its final name. */
async function accept(job: DownloadJob, slot: PartSlot, hasher: PartHasher, source: string): Promise<CacheEntryFound> {
  const { cache, key, request, signal } = job
  if (signal.aborted) throw interrupted()
  const { part: received } = slot
  await hasher.follow(
    received,
    signal,
    throttled((bytes: number) => job.emit({ phase: "verify", bytes, total: received.bytes })),
  )
  const { state } = slot.part
  const url = request.urls[0] ?? source
  const hint = byHand(url, cache.entryPath(key))
  // Nothing is nothing, however it is said to be coded.
  const coded = received.bytes > 0 ? state.encoding : undefined
  if (coded !== undefined && !(await isStoredAsSent(job, received, coded, hasher, source))) {
    const decoded = await cache.createPart(key, redactUrl(url))
    decoded.state = { ...state }
    try {
      await decodeContent(slot.part, decoded, coded, hasher, source, signal)
    } catch (error) {
      await decoded.discard()
      throw error
    }
    await slot.part.discard()
    slot.part = decoded
    if (isDataDue(request) && (await startsAsHtml(decoded.file))) throw htmlError({ source, byHand: hint })
  }
  const { part } = slot
  if (request.size !== undefined && part.bytes !== request.size) {
    throw sizeError({ source, size: request.size, byHand: hint }, part.bytes)
  }
  const digests = hasher.digests()
  checkIntegrity(request.integrity, digests, { name: redactUrl(source), url: redactUrl(source) })
  job.availability.ofWhole(part)
  const entry = await cache.commit(key, part, hasCredentials(url) ? undefined : url, {
    url: redactUrl(url),
    source: redactUrl(source),
    bytes: part.bytes,
    sha256: digests.sha256 ?? "",
    ...(state.etag === undefined ? {} : { etag: state.etag }),
    ...(state.lastModified === undefined ? {} : { lastModified: state.lastModified }),
    downloaded: new Date().toISOString(),
  })
  job.availability.ofEntry(entry, part)
  return entry
}

/** A declared checksum decides whether the encoded bytes are the file; else its name does, and that what is in it is no gzip, too. */
async function isStoredAsSent(
  { request }: DownloadJob,
  part: CachePart,
  encoding: string,
  hasher: PartHasher,
  source: string,
): Promise<boolean> {
  if (request.integrity.length === 0) {
    if (!isCompressedFile(request.urls[0] ?? source)) return false
    return part.bytes === request.size || !(await decodesToGzip(part, encoding, source))
  }
  const digests = hasher.digests()
  return request.integrity.every(({ algorithm, hex }) => digests[algorithm] === hex.toLowerCase())
}
