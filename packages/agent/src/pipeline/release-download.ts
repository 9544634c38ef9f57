import { downloadsOf } from "@datamaestro/dataset"
import { asDatamaestroError } from "@datamaestro/protocol"
import type { CachedDownload } from "../pipeline-types.ts"
import { redactUrl } from "../store/cache-url.ts"
import { storageError } from "../store/storage-error.ts"
import type { Standing } from "./prepare-resources.ts"
import type { Preparation } from "./preparation.ts"

/** What was made of a download is in its place: it leaves the cache, unless it is to be kept. That it can't is told, and no failure. */
export async function releaseDownload(preparation: Preparation, download: CachedDownload): Promise<void> {
  await tolerate(preparation, async () => {
    await download.release({ remove: !(await isWanted(preparation, download.url)) })
  })
}

/**
 * The same for what a run downloaded that ended between placing and recording: the next one has no use for it, and nobody else would
 * remove it. What another resource still needs stays.
 *
 * @param standing what each resource needs: `made` are those whose placement was continued
 */
export async function releaseContinued(preparation: Preparation, standing: Standing): Promise<void> {
  const { cache } = preparation.options
  const urlsOf = (how: "made" | undefined): string[] =>
    [...standing]
      .filter(([, its]) => its === how)
      .flatMap(([resource]) => downloadsOf(resource))
      .flatMap(({ urls: [url] }) => (url === undefined ? [] : [url]))
  const needed = new Set(urlsOf(undefined))
  for (const url of urlsOf("made")) {
    await tolerate(preparation, async () => {
      if (!needed.has(url) && !(await isWanted(preparation, redactUrl(url)))) await cache.remove(cache.keyOf(url))
    })
  }
}

/** By the person, or another job. */
async function isWanted({ options }: Preparation, url: string): Promise<boolean> {
  return options.keepDownloads === true || (await options.isAwaited?.(url)) === true
}

async function tolerate({ options, plan }: Preparation, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    const error = asDatamaestroError(storageError(thrown, `tidy up "${options.cache.path}"`))
    if (error.exitStatus !== 6) throw error
    const message = `${plan.id}: ${error.message}; what was downloaded may stay in the cache`
    options.progress({ phase: "notice", level: "warning", message })
  }
}
