import { randomBytes } from "node:crypto"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { interrupted } from "@datamaestro/protocol"
import { UnderWay } from "../concurrency/under-way.ts"
import { expectSmall, noteSize, SMALL_BYTES } from "../fetch/expected-size.ts"
import type { FetchContext } from "../fetch/fetch-types.ts"
import { fetchSmall, type SmallDownload } from "../fetch/fetch-small.ts"
import { isDataDue } from "../fetch/html-page.ts"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import { redactUrl } from "../store/cache-url.ts"
import { removeFile } from "../store/remove-file.ts"
import { storageError } from "../store/storage-error.ts"
import { syncOpenFile } from "../store/sync-open-file.ts"
import type { Preparation } from "./preparation.ts"
import { inSmallTurn } from "./queues.ts"
import { makeDownloadsFolder } from "./work-folder.ts"

/**
 * Whether a download is to be had as one of many small ones: of thousands the cache's locks and records would take most of the time.
 * Not what it is to keep, nor what it has, whole or begun.
 */
export async function isSmall({ options }: Preparation, request: FetchRequest): Promise<boolean> {
  const { cache, keepDownloads, isAwaited } = options
  const [url] = request.urls
  const kept = keepDownloads === true || isAwaited !== undefined
  if (url === undefined || kept || request.leftOut !== undefined) return false
  return expectSmall(request) && !(await cache.hasAny(cache.keyOf(url)))
}

/** Whoever wants what is on its way already, for another dataset, waits for that. */
const underWay = new UnderWay<Promise<SmallDownload | undefined>>()

/** Downloads a small file into the dataset's own `.downloads`; `undefined` where it is to be had in the usual way. That it is there is told, not how it comes. */
export async function downloadSmall(
  { downloads }: Preparation,
  request: FetchRequest,
  context: FetchContext,
): Promise<CachedDownload | undefined> {
  const { signal, resource } = context
  const { urls, size, integrity } = request
  const [first = ""] = urls
  const fetching = underWay.share(JSON.stringify([urls, size, integrity, isDataDue(request)]), (ended) =>
    inSmallTurn(first, signal, () => fetchSmall(request, context, SMALL_BYTES)).finally(ended),
  )
  // It fails when whoever asked for it first is interrupted.
  const small = await fetching.catch(() => undefined)
  if (signal.aborted) throw interrupted()
  noteSize(request, small?.content.length)
  if (small === undefined) return undefined
  makeDownloadsFolder(downloads)
  const path = join(downloads, `${resource}.${randomBytes(6).toString("hex")}.small`)
  await write(path, small.content)
  return download(path, redactUrl(first), small)
}

function download(path: string, url: string, small: SmallDownload): CachedDownload {
  const { content, sha256, source, elsewhere, etag, lastModified } = small
  return {
    path,
    url,
    source,
    elsewhere,
    bytes: content.length,
    sha256,
    etag,
    lastModified,
    fromCache: false,
    besideCache: true,
    release: () => removeFile(path),
  }
}

async function write(path: string, content: Buffer): Promise<void> {
  try {
    const file = await open(path, "wx")
    try {
      await file.writeFile(content)
      await syncOpenFile(file)
    } finally {
      await file.close()
    }
  } catch (error) {
    await removeFile(path).catch(() => {})
    throw storageError(error, `write "${path}"`)
  }
}
