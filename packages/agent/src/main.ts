/**
 * What the bundle `agent.cjs` is made of: the bootstrap calls `runAgent`; as a program of its own it runs at once, or, as
 * `node agent.cjs job FOLDER`, works on one job without a controller, as in an allocation of Slurm. What is imported here
 * statically is the first part of the agent.
 */
import { dirname } from "node:path"
import { Script } from "node:vm"
import { loadRest, setBeginning, useRest, type Beginning } from "./agent-parts.ts"
import type { PartModules } from "./rest-part.ts"
import { runAgent } from "./run-agent.ts"
import { provideThreadSource } from "./threads/thread-source.ts"

export { loadRest, runAgent }

/** Called by the bundle itself when its modules are there. */
export function begin(beginning: Beginning): void {
  setBeginning(beginning)
  provideThreadSource(beginning.threadCode)
  const { alone, file } = beginning
  if (!alone) return
  const [, , purpose, folder, cacheFolder, helper] = process.argv
  if (purpose === "job" && folder !== undefined) {
    useRest({ folder: dirname(file), compile })
    void import("./run-job.ts").then(({ runJob }) => runJob({ folder, cacheFolder, helper: Number(helper ?? 0), file }))
  } else runAgent({ file, compile })
}

function compile(source: Buffer, name = "agent-rest.cjs"): PartModules {
  const module = { exports: {} }
  const load = new Script(`(function(module){${source.toString()}\n})`, { filename: name }).runInThisContext()
  ;(load as (module: object) => void)(module)
  return module.exports
}
