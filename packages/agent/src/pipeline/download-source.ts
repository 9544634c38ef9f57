import type { CachedDownload } from "../pipeline-types.ts"
import type { ManifestRecord } from "../store/manifest.ts"

/** Where a download came from, for the manifest. */
export function sourceRecord({
  source,
  etag,
  lastModified,
  sha256,
}: CachedDownload): Pick<ManifestRecord, "source" | "etag" | "lastModified" | "download"> {
  return {
    source,
    download: sha256,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  }
}

/** What people call a download: the last part of its URL's path. */
export function urlName(url: string): string {
  try {
    const { pathname, hostname } = new URL(url)
    return decodeURIComponent(pathname.split("/").findLast((part) => part !== "") ?? hostname)
  } catch {
    return url
  }
}
