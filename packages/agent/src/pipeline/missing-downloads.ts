import { downloadsOf, type Download, type PlannedResource } from "@datamaestro/dataset"
import type { DownloadCache } from "../store/cache.ts"

/** What of a resource's downloads neither the cache nor the shared one has, as far as can be told without reading them. */
export async function missingDownloads(resource: PlannedResource, cache: DownloadCache): Promise<Download[]> {
  const missing: Download[] = []
  for (const download of downloadsOf(resource)) {
    const [url] = download.urls
    if (url !== undefined && (await isCached(cache, cache.keyOf(url)))) continue
    missing.push(download)
  }
  return missing
}

async function isCached(cache: DownloadCache, key: string): Promise<boolean> {
  if ((await cache.find(key)) !== undefined) return true
  return (await cache.shared?.find(key).catch(() => undefined)) !== undefined
}
