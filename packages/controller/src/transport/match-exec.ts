import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { childProcess } from "../child-process.ts"
import { ownShell } from "./own-shell.ts"
import { printable } from "./printable.ts"

export interface MatchExecAnswer {
  holds: boolean
  /** What the command wrote to its stderr. */
  said: string
}

/**
 * Runs the command of a `Match exec`. What it says goes into a file: our stderr may be read by a program, and a pipe
 * would be waited for as long as something that it leaves running holds it.
 */
export function matchExec(command: string): MatchExecAnswer {
  let folder: string | undefined
  try {
    folder = mkdtempSync(join(tmpdir(), "datamaestro-match-"))
    const path = join(folder, "stderr")
    const file = openSync(path, "wx", 0o600)
    try {
      return { holds: run(command, file), said: printable(readFileSync(path, "utf8")) }
    } finally {
      closeSync(file)
    }
  } catch {
    return { holds: run(command, "ignore"), said: "" }
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

function run(command: string, stderr: number | "ignore"): boolean {
  return childProcess().spawnSync(command, { shell: ownShell(), stdio: ["ignore", "ignore", stderr] }).status === 0
}
