import { interrupted } from "@datamaestro/protocol"
import type { CachedDownload, FetchRequest } from "../pipeline-types.ts"
import type { StoredResource } from "./stored-resource.ts"
import type { Preparation } from "./preparation.ts"
import { withDownload } from "./with-download.ts"

/** A failure that only one of several downloads is to blame for: that one is fetched anew, the others wait for it. */
export class FailureOf extends Error {
  readonly download: CachedDownload

  constructor(download: CachedDownload, cause: unknown) {
    super("one of several downloads is of no use", { cause })
    this.download = download
  }
}

/**
 * Fetches several files, each with its own cache entry, retries and sums, and has something made of all of them. What holds for
 * one download holds for each: it stays when another fails, it is fetched once more when what is made of it shows that it is
 * damaged and no sum of it says otherwise, and it leaves the cache once the output is in place.
 *
 * @param use may throw a `FailureOf`; any other failure is that of all of them
 * @param order whether all are fetched side by side, or one after the other
 */
export async function withDownloads(
  preparation: Preparation,
  resource: StoredResource,
  requests: readonly FetchRequest[],
  use: (downloads: readonly CachedDownload[]) => Promise<void>,
  order: "together" | "in turn",
): Promise<"downloaded" | "cached"> {
  const stop = new AbortController()
  const within = { ...preparation, signal: AbortSignal.any([preparation.signal, stop.signal]) }
  const gathering = new Gathering(requests.length, use)
  let failure: { error: unknown } | undefined
  const obtaining: Promise<"downloaded" | "cached">[] = []
  for (const [index, request] of requests.entries()) {
    if (failure !== undefined) break
    const { promise: arrived, resolve: arrive } = withResolvers()
    const finish = (download: CachedDownload): Promise<void> => {
      arrive()
      return gathering.add(index, download)
    }
    const one = withDownload(within, resource, request, { finish })
    obtaining.push(one)
    const failed = one.catch((error: unknown) => {
      failure ??= { error }
      stop.abort()
      gathering.giveUp()
    })
    if (order === "in turn") await Promise.race([arrived, failed])
  }
  const results = await Promise.allSettled(obtaining)
  if (failure !== undefined) throw failure.error
  return results.every((result) => result.status === "fulfilled" && result.value === "cached") ? "cached" : "downloaded"
}

interface Waiting extends Resolvers {
  download: CachedDownload
}

/** Waits for all downloads; then each has the outcome of what was made of them together. */
class Gathering {
  readonly #count: number
  readonly #use: (downloads: readonly CachedDownload[]) => Promise<void>
  readonly #waiting = new Map<number, Waiting>()
  #givenUp = false

  constructor(count: number, use: (downloads: readonly CachedDownload[]) => Promise<void>) {
    this.#count = count
    this.#use = use
  }

  async add(index: number, download: CachedDownload): Promise<void> {
    if (this.#givenUp) throw interrupted()
    const waiting = { download, ...withResolvers() }
    this.#waiting.set(index, waiting)
    if (this.#waiting.size === this.#count) void this.#useAll()
    await waiting.promise
  }

  /** One can't be had: the others wait for nothing. */
  giveUp(): void {
    this.#givenUp = true
    this.#reject([...this.#waiting], interrupted())
  }

  async #useAll(): Promise<void> {
    const all = [...this.#waiting].sort(([a], [b]) => a - b)
    try {
      await this.#use(all.map(([, { download }]) => download))
    } catch (error) {
      if (!(error instanceof FailureOf)) return this.#reject(all, error)
      const { download: blamed, cause } = error
      return this.#reject(
        all.filter(([, { download }]) => download === blamed),
        cause,
      )
    }
    for (const [, { resolve }] of all) resolve()
  }

  #reject(some: readonly [number, Waiting][], error: unknown): void {
    for (const [index, { reject }] of some) {
      this.#waiting.delete(index)
      reject(error)
    }
  }
}

interface Resolvers {
  promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

function withResolvers(): Resolvers {
  const made: Resolvers = { promise: Promise.resolve(), resolve: () => {}, reject: () => {} }
  made.promise = new Promise<void>((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
