import { readFileSync } from "node:fs"

/**
 * Asks what this process has started to end too. Only where it leads a process group of its own (as below sshd, and
 * as the local controller starts it): elsewhere the group holds processes that are not ours.
 */
export function endOwnChildren(): void {
  if (process.platform === "win32" || !leadsGroup()) return
  process.removeAllListeners("SIGTERM")
  process.on("SIGTERM", () => {})
  try {
    process.kill(-process.pid, "SIGTERM")
  } catch {
    // Nobody is left.
  }
}

function leadsGroup(): boolean {
  try {
    // proc(5): after the name in parentheses come state, parent and process group. Of the first thread: see lock-holder.ts.
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, "latin1")
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === process.pid
  } catch {
    return false
  }
}
