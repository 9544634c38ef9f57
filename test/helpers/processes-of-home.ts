import { existsSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"

/** Whether `processesOfHome` sees any here. */
export const processesAreSeen = existsSync("/proc/self/environ")

/** The command lines of all processes that have this folder as their `HOME`: of what was started for one person, and by that. */
export async function processesOfHome(home: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    const environ = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")
    if (!environ.split("\0").includes(`HOME=${home}`)) continue
    const command = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")
    found.push(command.replaceAll("\0", " ").slice(0, 200))
  }
  return found
}
