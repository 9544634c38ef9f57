import { existsSync } from "node:fs"
import { DatamaestroError } from "@datamaestro/protocol"
import type { AvailableBytes, CachedDownload, FetchRequest } from "../pipeline-types.ts"
import { shareSpace } from "../store/free-space.ts"
import { fetchContext } from "./fetch-context.ts"
import { releaseDownload } from "./release-download.ts"
import type { Preparation } from "./preparation.ts"
import type { StoredResource } from "./stored-resource.ts"
import { tellKept } from "./tell-kept.ts"
import { enterEarly, inTurn, leaveEarly, queues } from "./queues.ts"

/** How often a download is fetched again because somebody wiped the cache. */
const MOST_WIPES = 5

/** What is made of one download. */
export interface Consumer {
  /**
   * How to begin before the download is whole, of which some is there; "later" where more is needed for that; absent or
   * undefined where it is no use.
   */
  begin?(part: AvailableBytes): (() => Consumption) | "later" | undefined
  /** Makes and places all of it, where nothing was begun. */
  finish(download: CachedDownload): Promise<void>
}

/** Something being made of a download; nothing of it is placed before `finish`. */
export interface Consumption {
  /** So much of the download can be read. */
  available?(part: AvailableBytes): void
  /** Rejects when it cannot succeed whatever else is downloaded, as on a full disk. */
  readonly hopeless?: Promise<unknown>
  /** The download is whole and verified: makes the rest of it and places it; calls `moved` when that is only to be recorded. */
  finish(download: CachedDownload, moved: () => void): Promise<void>
  /** There is no such download: stops and removes what was made. */
  discard?(): Promise<void>
}

/**
 * Fetches, has something made of the download, as early as its bytes can be read, and lets go of it: it leaves the
 * cache once its output is in place.
 *
 * A download that somebody wipes from the cache before it was used is fetched again. One that turns out to be damaged is
 * removed and fetched once more, and then from where else there is, unless its author's own sum says that it is what it should
 * be; of which the output has another sum than is declared, or whose content is of no use (an unsafe archive, or one without
 * the members that are wanted), at once from elsewhere. One of an earlier run whose content is of no use comes anew if its
 * server has other content by now. Then, and after every other failure, it stays for the next run.
 */
export async function withDownload(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
  consumer: Consumer,
): Promise<"downloaded" | "cached"> {
  const beside = request.grows === true && (await shareSpace(preparation.options.cache.path, preparation.folder))
  let leftOut: string[] | undefined
  let wipes = 0
  for (let attempt = 1; ; attempt++) {
    const wanted = { ...request, grows: beside, ...(leftOut === undefined ? {} : { leftOut }) }
    const { download, finish } = await fetchAndBegin(preparation, resource, wanted, consumer)
    try {
      await finish()
    } catch (error) {
      const wiped = (isUnexpected(error) || isDamage(error)) && !existsSync(download.path)
      if (wiped && wipes < MOST_WIPES && !preparation.signal.aborted) {
        await download.release({ remove: false })
        wipes++
        attempt--
        continue
      }
      if (preparation.options.download === false) {
        await download.release({ remove: false })
        throw tellKept(error)
      }
      const outdated = isUseless(error) && (await hasChanged(preparation, resource, request, download))
      const wrong = isUseless(error) && !download.fromCache && download.elsewhere.length > 0
      const suspect = request.integrity.length === 0 && (isDamage(error) || outdated || wrong)
      await download.release({ remove: suspect })
      if (!suspect || preparation.signal.aborted) throw download.besideCache === true ? error : tellKept(error)
      leftOut ??= []
      const givenUp = attempt > 1 || (!download.fromCache && isServers(error))
      const [next] = leftOut.includes(download.source) ? [] : download.elsewhere
      if (givenUp && next === undefined) throw error
      if (givenUp) {
        leftOut.push(download.source)
        attempt = 0
      }
      const message = givenUp
        ? `Left ${download.source} for ${next}: ${error.message}`
        : `${error.message}; ${outdated ? "it has changed there since: " : ""}downloading it once more`
      preparation.options.progress({ phase: "notice", level: "warning", message })
      continue
    }
    await releaseDownload(preparation, download)
    return download.fromCache ? "cached" : "downloaded"
  }
}

/** Fetches into the cache, and leaves it there. */
export async function fetchWhole(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
): Promise<void> {
  const download = await fetch(preparation, resource, request, preparation.signal, () => {})
  await download.release({ remove: false })
}

async function fetchAndBegin(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
  consumer: Consumer,
): Promise<{ download: CachedDownload; finish(): Promise<void> }> {
  const early = new EarlyConsumption(consumer)
  try {
    // Only what is begun early can be hopeless; what remembers a signal made of others is not collected before those are.
    const signal =
      consumer.begin === undefined ? preparation.signal : AbortSignal.any([preparation.signal, early.hopeless])
    const download = await fetch(preparation, resource, request, signal, (part) => early.available(part), true)
    const finish = async (): Promise<void> => {
      if (early.begun !== undefined) return await early.finish(download)
      await consumer.finish(download)
    }
    return { download, finish }
  } catch (error) {
    // Before it is stopped, which is a failure too but not the reason.
    const { failure } = early
    await early.begun?.discard?.()
    early.leave()
    throw preparation.signal.aborted ? error : failure === undefined ? error : tellKept(failure.error)
  }
}

/** A consumption that begins with the first bytes, if there is a turn for it then. */
class EarlyConsumption {
  readonly #consumer: Consumer
  readonly #hopeless = new AbortController()
  #refused = false
  begun: Consumption | undefined
  failure: { error: unknown } | undefined

  constructor(consumer: Consumer) {
    this.#consumer = consumer
  }

  /** Aborts when nothing can become of the download. */
  get hopeless(): AbortSignal {
    return this.#hopeless.signal
  }

  available(part: AvailableBytes): void {
    if (this.begun === undefined) this.#begin(part)
    this.begun?.available?.(part)
  }

  async finish(download: CachedDownload): Promise<void> {
    try {
      await this.begun?.finish(download, () => this.leave())
    } finally {
      this.leave()
    }
  }

  leave(): void {
    if (this.begun !== undefined) leaveEarly()
    this.begun = undefined
  }

  #begin(part: AvailableBytes): void {
    const begin = this.#refused ? undefined : this.#consumer.begin?.(part)
    if (begin === "later") return
    if (begin === undefined || !enterEarly()) return void (this.#refused = true)
    try {
      this.begun = begin()
    } catch {
      // It is begun again when the download is whole, and then its failure is told.
      leaveEarly()
      this.#refused = true
      return
    }
    this.begun.hopeless?.catch((error: unknown) => {
      this.failure = { error }
      this.#hopeless.abort()
    })
  }
}

async function fetch(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
  signal: AbortSignal,
  onAvailable: (part: AvailableBytes) => void,
  maySkipCache = false,
): Promise<CachedDownload> {
  const { downloads } = await queues()
  const { fetchDownload } = await import("../fetch/fetch-download.ts")
  const { downloadSmall, isSmall } = await import("./download-small.ts")
  const { noteSize } = await import("../fetch/expected-size.ts")
  const context = { ...fetchContext(preparation, resource), signal, onAvailable }
  const usual = async (): Promise<CachedDownload> => {
    const download = await fetchDownload(request, context)
    noteSize(request, download.bytes)
    return download
  }
  // Asked when its turn comes: those before it have shown how large such files are.
  const first = await inTurn(downloads, signal, async () =>
    maySkipCache && (await isSmall(preparation, request)) ? "small" : await usual(),
  )
  if (first !== "small") return first
  return (await downloadSmall(preparation, request, context)) ?? (await inTurn(downloads, signal, usual))
}

/** Of an earlier run, and its server has other content by now. */
async function hasChanged(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
  download: CachedDownload,
): Promise<boolean> {
  if (!download.fromCache || request.integrity.length > 0) return false
  const { isOutdated } = await import("../fetch/is-outdated.ts")
  return await isOutdated(download, request, fetchContext(preparation, resource))
}

/** By what is in it, whole and undamaged as it is. */
function isUseless(error: unknown): error is DatamaestroError {
  if (!(error instanceof DatamaestroError)) return false
  return ["UNSAFE_ARCHIVE", "UNSUPPORTED_FORMAT", "CONTENT_MISMATCH", "BROKEN_DEFINITION"].includes(error.code)
}

/** No failure that is foreseen, as that a file is not there; from a thread it comes as one of ours. */
function isUnexpected(error: unknown): boolean {
  return !(error instanceof DatamaestroError) || error.code === "UNEXPECTED"
}

function isDamage(error: unknown): error is DatamaestroError {
  if (!(error instanceof DatamaestroError)) return false
  return ["CORRUPT", "TRUNCATED", "CHECKSUM_MISMATCH"].includes(error.code) || isEmpty(error)
}

/** An archive without members, of which nothing can be made whatever the definition says. */
function isEmpty(error: DatamaestroError): boolean {
  return error.details["members"] === 0
}

/** Of a fresh download: the server's file is like that, since it changed or the definition is wrong, and comes so again. */
function isServers(error: DatamaestroError): boolean {
  return error.code === "CHECKSUM_MISMATCH" || isUseless(error)
}
