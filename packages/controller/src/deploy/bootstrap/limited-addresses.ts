import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** Without it V8 reserves 10 GB of addresses for each memory of WebAssembly, as the parser of HTTP has one. */
const FRUGAL = "--disable-wasm-trap-handler"

/** Where login nodes limit the addresses of a process (`ulimit -v`), Node is started once more, so that it needs fewer of them. */
export function heedLimitedAddresses(): void {
  if (!isLimited() || process.execArgv.includes(FRUGAL) || !process.allowedNodeEnvironmentFlags.has(FRUGAL)) return
  const words = [FRUGAL, ...process.execArgv, ...process.argv.slice(1)]
  const { status, signal, error } = spawnSync(process.execPath, words, { stdio: "inherit" })
  if (error !== undefined) return
  if (signal !== null) process.kill(process.pid, signal)
  process.exit(status ?? 1)
}

function isLimited(): boolean {
  try {
    return /^Max address space +\d/m.test(fs.readFileSync("/proc/self/limits", "latin1"))
  } catch {
    return false
  }
}
