/** The other sides of the benchmark: what an expert would type, and Python's way. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Contender } from "./measure.ts"
import { retire } from "./pipeline-retire.ts"

const pythonWay = fileURLToPath(new URL("python-way.py", import.meta.url))

export interface Workplace {
  /** Emptied before each run; the contender works in it. */
  folder: string
  environment: NodeJS.ProcessEnv
}

/** A command line for `sh`, its steps joined by `&&`. */
export function shell(name: string, steps: readonly string[], { folder, environment }: Workplace): Contender {
  return {
    name,
    command: ["sh", "-c", steps.join(" && ")],
    folder,
    environment,
    prepare: () => {
      retire(folder)
      mkdirSync(folder, { recursive: true })
      spawnSync("sync")
    },
  }
}

export interface PythonJob {
  /** `ALGORITHM:HEX`, or `-`. */
  sum: string
  source: string
  target: string
}

/** Python's way; `python` is the interpreter. */
export function pythonsWay(
  python: string,
  extract: "tar" | "zip" | "gunzip" | undefined,
  jobs: readonly PythonJob[],
  workplace: Workplace,
): Contender {
  const words = jobs.flatMap(({ sum, source, target }) => [sum, source, target])
  return {
    ...shell("Python's way: 1 KiB chunks, hash, extract, move", [], workplace),
    command: [python, pythonWay, ...(extract === undefined ? [] : ["--extract", extract]), ...words],
  }
}

/** The interpreter behind `python3` (which may be a script that looks for it), or `undefined`. */
export function findPython(): string | undefined {
  const result = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" })
  return result.status === 0 ? result.stdout.trim() : undefined
}

export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0
}

export const get = (url: string): string => `curl -sSfO ${url}`

export const sha256sum = (name: string, hex: string): string => `echo '${hex}  ${name}' | sha256sum -c --quiet`

export const opensslSha256 = (name: string, hex: string): string =>
  `test "$(openssl dgst -sha256 -r ${name} | cut -d ' ' -f 1)" = ${hex}`

/** Throws unless there are `wanted` files below `folder`; those whose name begins with a dot don't count. */
export function checkFiles(folder: string, wanted: number): void {
  const found = countFiles(folder)
  if (found !== wanted) throw new Error(`${folder} has ${found} files, not ${wanted}`)
}

function countFiles(folder: string): number {
  let count = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue
    count += entry.isDirectory() ? countFiles(join(folder, entry.name)) : 1
  }
  return count
}
