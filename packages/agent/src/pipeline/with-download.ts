import { DatamaestroError } from "@datamaestro/protocol"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import type { StoredResource } from "./found-dataset.ts"
import { inTurn, queues } from "./queues.ts"

/**
 * Fetches, hands the download to `use`, and lets go of it: it leaves the cache once its output is in place.
 *
 * A download that turns out to be damaged is removed and fetched once more, unless its author's own sum says that it
 * is what it should be; then, and after every other failure, it stays for the next run.
 */
export async function withDownload(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
  use: (download: CachedDownload) => Promise<void>,
): Promise<"downloaded" | "cached"> {
  for (let attempt = 1; ; attempt++) {
    const download = await fetch(preparation, resource, request)
    try {
      await use(download)
    } catch (error) {
      const suspect = request.integrity.length === 0 && isDamage(error)
      await download.release({ remove: suspect })
      if (!suspect || attempt > 1 || (!download.fromCache && isMismatch(error)) || preparation.signal.aborted)
        throw error
      preparation.options.progress({
        phase: "notice",
        level: "warning",
        message: `${error.message}; downloading it once more`,
      })
      continue
    }
    await download.release({ remove: preparation.options.keepDownloads !== true })
    return download.fromCache ? "cached" : "downloaded"
  }
}

async function fetch(
  preparation: Preparation,
  resource: StoredResource,
  request: FetchRequest,
): Promise<CachedDownload> {
  const { options, signal } = preparation
  const { downloads } = await queues()
  const { fetchDownload } = await import("../fetch/fetch-download.ts")
  const context = {
    ...stepContext(preparation, resource),
    cache: options.cache,
    ...(options.mirrors === undefined ? {} : { mirrors: options.mirrors }),
    ...(options.connections === undefined ? {} : { connections: options.connections }),
    ...(options.tokens === undefined ? {} : { tokens: options.tokens }),
  }
  return await inTurn(downloads, signal, () => fetchDownload(request, context))
}

function isDamage(error: unknown): error is DatamaestroError {
  return error instanceof DatamaestroError && ["CORRUPT", "TRUNCATED", "CHECKSUM_MISMATCH"].includes(error.code)
}

/** A fresh download whose output differs from the declared sum: the server's file changed, or the sum is wrong. */
function isMismatch(error: DatamaestroError): boolean {
  return error.code === "CHECKSUM_MISMATCH"
}
