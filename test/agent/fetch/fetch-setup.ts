import type { ProgressEvent } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fetchDownload } from "../../../packages/agent/src/fetch/fetch-download.ts"
import type { FetchContext } from "../../../packages/agent/src/fetch/fetch-types.ts"
import type { CachedDownload, FetchRequest } from "../../../packages/agent/src/pipeline-types.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

/** An origin, an empty cache and a fetch between the two, with short times. */
export interface FetchSetup {
  origin: Origin
  cache: DownloadCache
  folder: string
  events: ProgressEvent[]
  context(overrides?: Partial<FetchContext>): FetchContext
  fetch(request: Partial<FetchRequest> & { urls: string[] }, overrides?: Partial<FetchContext>): Promise<CachedDownload>
  /** Names in the cache, by their suffix after the key. */
  suffixes(): Promise<string[]>
  notices(): string[]
  close(): Promise<void>
}

/** Waits for little. */
export const SHORT_TUNING = {
  stallSeconds: 3,
  firstDelaySeconds: 0.01,
  longestDelaySeconds: 0.02,
  attempts: 4,
} as const

export async function setUpFetch(): Promise<FetchSetup> {
  const folder = await mkdtemp(join(tmpdir(), "fetch-"))
  const origin = await startOrigin()
  const cache = new DownloadCache(join(folder, "cache"))
  const events: ProgressEvent[] = []
  const context = (overrides: Partial<FetchContext> = {}): FetchContext => ({
    dataset: "org.example.x",
    resource: "data",
    signal: new AbortController().signal,
    progress: (event) => events.push(event),
    cache,
    environment: { HOME: folder },
    tuning: { ...SHORT_TUNING, stallSeconds: 2, attemptsWithAlternative: 2 },
    ...overrides,
  })
  return {
    origin,
    cache,
    folder,
    events,
    context,
    fetch: (request, overrides) => fetchDownload({ integrity: [], size: undefined, ...request }, context(overrides)),
    suffixes: async () => (await readdir(cache.path)).map((name) => name.slice(64)).sort(),
    notices: () => events.flatMap((event) => (event.phase === "notice" ? [event.message] : [])),
    close: async () => {
      await origin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex")
}
