import type { Environment } from "@datamaestro/outgoing"
import { interrupted } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { checkSource, type SourceStatus } from "./check-source.ts"

/** Servers asked at once, and requests to one of them: a check must not be a burden. */
const HOSTS = 12
const REQUESTS = 2

export interface CheckOptions {
  signal: AbortSignal
  /** Proxies and credentials; this process's by default. */
  environment?: Environment
  /** Those of the addresses in whose place an HTML page is none. */
  data?: ReadonlySet<string>
  /** Told the number of answers so far. */
  told?: (count: number) => void
}

/**
 * Asks for each address once whether it is there.
 *
 * @throws DatamaestroError INTERRUPTED
 */
export async function checkSources(
  urls: ReadonlySet<string>,
  { signal, environment = process.env, data = new Set(), told = () => {} }: CheckOptions,
): Promise<Map<string, SourceStatus>> {
  const hosts = new Map<string, string[]>()
  for (const url of urls) {
    const host = URL.canParse(url) ? new URL(url).host : ""
    const ofHost = hosts.get(host)
    if (ofHost === undefined) hosts.set(host, [url])
    else ofHost.push(url)
  }
  const found = new Map<string, SourceStatus>()
  await sideBySide(HOSTS, hosts.values(), (ofHost) =>
    sideBySide(REQUESTS, ofHost, async (url) => {
      if (signal.aborted) throw interrupted()
      found.set(url, await checkSource(url, { environment, signal, data: data.has(url) }))
      told(found.size)
    }),
  )
  return found
}
