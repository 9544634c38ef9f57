import * as fs from "node:fs"
import { basename, dirname, join } from "node:path"
import { Script, constants } from "node:vm"
import { writeWhole } from "../../write-whole.ts"
import { prune, sha256 } from "./kept-agent.ts"
import { isOwn, isPrivate, makePrivate } from "./private-folder.ts"

/** So many digits before the code say how much had run when it was kept. V8 reads it in place at a multiple of 8. */
const HEAD = 8
/** So many runs that used as much are kept together: other functions of the same modules. */
const RUNS = 2

export interface Compiled {
  exports: { runAgent?: (host: object) => void }
  /** Keeps V8's code, unless what is there is good and of a run that used as much. */
  keep(loaded: number): void
}

/** V8's code cache is machine code: it is taken only from a private folder, a file of ours, with the hash written before it. */
export function compile(source: Buffer, path: string, folder: string | undefined): Compiled {
  const codePath =
    folder === undefined ? undefined : join(folder, `code-${basename(path)}-${process.version}-${process.arch}.bin`)
  let cached: Buffer | undefined
  let kept = -1
  try {
    if (codePath !== undefined && folder !== undefined && isPrivate(join(folder, "../..")) && isOwn(codePath)) {
      const bytes = fs.readFileSync(codePath)
      if (sha256(bytes.subarray(64)) === bytes.toString("latin1", 0, 64)) {
        cached = bytes.subarray(64 + HEAD)
        kept = Number(bytes.toString("latin1", 64, 64 + HEAD))
      }
    }
  } catch {
    // It was never kept, or is no good.
  }
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source.toString()}\n})`, {
    filename: path,
    ...(cached === undefined ? {} : { cachedData: cached }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const module = { exports: {} }
  const load = script.runInThisContext() as (...parts: unknown[]) => void
  load(module.exports, require, module, path, dirname(path))
  return {
    exports: module.exports,
    keep(loaded) {
      if (codePath === undefined || folder === undefined) return
      const first = loaded * RUNS
      const next = first > kept || script.cachedDataRejected ? first : kept + 1
      if (next >= first + RUNS) return
      makePrivate(join(folder, "../.."))
      makePrivate(join(folder, ".."))
      makePrivate(folder)
      const code = script.createCachedData()
      // V8 throws away what has not run for long.
      const best = next > first && cached && cached.length > code.length ? cached : code
      const data = Buffer.concat([Buffer.from(String(next).padStart(HEAD)), best])
      writeWhole(codePath, Buffer.concat([Buffer.from(sha256(data), "latin1"), data]))
      prune(join(folder, ".."))
    },
  }
}
