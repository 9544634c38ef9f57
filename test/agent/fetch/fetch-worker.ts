/** Fetches one URL into a cache and prints the result as JSON. Arguments: cache, url, `keep` or `remove`. */
import { fetchDownload } from "../../../packages/agent/src/fetch/fetch-download.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"

const [path = "", url = "", end = "keep"] = process.argv.slice(2)
const events: unknown[] = []
const result = await fetchDownload(
  { urls: [url], integrity: [], size: undefined },
  {
    dataset: "d",
    resource: "r",
    signal: new AbortController().signal,
    progress: (event) => events.push(event.phase),
    cache: new DownloadCache(path),
  },
)
await result.release({ remove: end === "remove" })
process.stdout.write(JSON.stringify({ ...result, events }))
