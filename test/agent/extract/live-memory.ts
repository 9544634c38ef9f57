/** Run by many-entries.test.ts: extracts an archive, and prints the most memory that was in use, garbage not counted. */
import { extractArchive } from "../../../packages/agent/src/extract/extract-archive.ts"

const [kind, source, output] = process.argv.slice(2) as ["tar" | "zip", string, string]
const { gc } = globalThis as { gc?: () => void }
let most = 0
const look = (): void => {
  for (let twice = 0; twice < 2; twice++) gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  most = Math.max(most, heapUsed + arrayBuffers)
}
const { files } = await extractArchive(
  { kind, source, archive: "thing", output, selection: { strip: "auto" }, verified: true },
  {
    dataset: "org.example.thing",
    resource: "data",
    signal: new AbortController().signal,
    // The last time when all is still there.
    progress: look,
  },
)
console.log(JSON.stringify({ files: files.length, most }))
