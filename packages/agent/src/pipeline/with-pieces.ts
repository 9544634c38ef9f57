import { open } from "node:fs/promises"
import type { Download, PlannedArchive } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import type { CachedDownload } from "../pipeline-types.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashOpenFile } from "../verify/hash-file.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import { urlName } from "./download-source.ts"
import type { Preparation } from "./preparation.ts"
import { withDownload } from "./with-download.ts"

/**
 * Fetches the pieces of an archive, each with its own cache entry, retries and sums, and has something made of all
 * of them. What holds for one download holds for each: it stays when another fails, it is fetched once more when what is made
 * of it shows that it is damaged and no sum of it says otherwise, and it leaves the cache once the output is in place.
 */
export async function withPieces(
  preparation: Preparation,
  resource: PlannedArchive,
  pieces: readonly Download[],
  use: (downloads: readonly CachedDownload[]) => Promise<void>,
): Promise<"downloaded" | "cached"> {
  const stop = new AbortController()
  const within = { ...preparation, signal: AbortSignal.any([preparation.signal, stop.signal]) }
  const gathering = new Gathering(pieces.length, use)
  let failure: { error: unknown } | undefined
  const obtaining = pieces.map(async ({ urls, size, integrity }, index) => {
    const request = { urls, size, integrity, archive: true }
    try {
      return await withDownload(within, resource, request, { finish: (download) => gathering.add(index, download) })
    } catch (error) {
      failure ??= { error }
      stop.abort()
      gathering.giveUp()
      throw error
    }
  })
  const results = await Promise.allSettled(obtaining)
  if (failure !== undefined) throw failure.error
  const obtained = results.map((result) => (result.status === "fulfilled" ? result.value : undefined))
  return obtained.every((how) => how === "cached") ? "cached" : "downloaded"
}

/** Waits for all pieces; then each has the outcome of what was made of them together. */
class Gathering {
  readonly #count: number
  readonly #use: (downloads: readonly CachedDownload[]) => Promise<void>
  #downloads = new Map<number, CachedDownload>()
  #round = newRound()
  #givenUp = false

  constructor(count: number, use: (downloads: readonly CachedDownload[]) => Promise<void>) {
    this.#count = count
    this.#use = use
  }

  async add(index: number, download: CachedDownload): Promise<void> {
    if (this.#givenUp) throw interrupted()
    this.#downloads.set(index, download)
    const round = this.#round
    if (this.#downloads.size === this.#count) {
      const all = [...this.#downloads].sort(([a], [b]) => a - b).map(([, one]) => one)
      // After a damaged archive all come again.
      this.#downloads = new Map()
      this.#round = newRound()
      this.#use(all).then(round.resolve, round.reject)
    }
    await round.promise
  }

  /** One piece can't be had: the others wait for nothing. */
  giveUp(): void {
    this.#givenUp = true
    this.#round.promise.catch(() => {})
    this.#round.reject(interrupted())
  }
}

interface Round {
  promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

function newRound(): Round {
  const round: Round = { promise: Promise.resolve(), resolve: () => {}, reject: () => {} }
  round.promise = new Promise<void>((resolve, reject) => Object.assign(round, { resolve, reject }))
  return round
}

/** @throws DatamaestroError CHECKSUM_MISMATCH where the pieces joined are not what is declared of the whole archive */
export async function verifyJoined(
  { signal }: Preparation,
  { download }: PlannedArchive,
  downloads: readonly CachedDownload[],
): Promise<void> {
  const [first] = downloads
  if (download.integrity.length === 0 || first === undefined) return
  const hasher = new StreamHasher(download.integrity.map(({ algorithm }) => algorithm))
  for (const { path } of downloads) {
    const file = await open(path, "r")
    try {
      await hashOpenFile(file, hasher, Number.POSITIVE_INFINITY, { signal })
    } finally {
      await file.close()
    }
  }
  const name = urlName(first.url)
  checkIntegrity(download.integrity, hasher.digests(), {
    name: `${name} and ${downloads.length - 1} more`,
    path: first.path,
  })
}
