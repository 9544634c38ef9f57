/** Downloads one URL into a cache, to be killed. Arguments: cache, url, connections, tuning as JSON, whether its end is wanted first. */
import { fetchDownload } from "../../../packages/agent/src/fetch/fetch-download.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"

async function run([
  path = "",
  url = "",
  connections = "1",
  tuning = "{}",
  endFirst = "false",
]: readonly string[]): Promise<void> {
  let told = false
  const result = await fetchDownload(
    { urls: [url], integrity: [], size: undefined, directoryAtEnd: endFirst === "true" },
    {
      dataset: "d",
      resource: "r",
      signal: new AbortController().signal,
      progress: ({ phase }) => {
        if (phase !== "download" || told) return
        told = true
        process.stdout.write("downloading\n")
      },
      cache: new DownloadCache(path),
      connections: Number(connections),
      tuning: JSON.parse(tuning) as object,
    },
  )
  await result.release({ remove: false })
}

void run(process.argv.slice(2))
