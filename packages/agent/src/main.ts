/**
 * What the bundle `agent.cjs` is made of: the bootstrap calls `runAgent`; as a program of its own it runs at once, or, as
 * `node agent.cjs job FOLDER`, works on one job without a controller, as in an allocation of Slurm; in a thread that the
 * agent started it does what that is for.
 */
import { readFileSync } from "node:fs"
import { runAgent } from "./run-agent.ts"
import { threadInput } from "./thread-source.ts"
import type { ThreadRequest } from "./extract/extract-in-thread.ts"

export { runAgent }

const thread = threadInput()
if (thread !== undefined) {
  void import("./extract/serve-extraction.ts").then(({ serveExtraction }) =>
    serveExtraction(thread.input as ThreadRequest),
  )
} else if (typeof require !== "undefined" && typeof module !== "undefined" && require.main === module) {
  const source = (): string => readFileSync(__filename, "utf8")
  const [, , purpose, folder, cacheFolder] = process.argv
  if (purpose === "job" && folder !== undefined) {
    void import("./run-job.ts").then(({ runJob }) => runJob({ folder, cacheFolder, source, file: __filename }))
  } else runAgent({ source })
}
