import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** What stops a process until it is killed, whatever else it is sent: stopped-process.c, compiled into `folder`. */
export function compileStopper(folder: string): ((pid: number) => Promise<void>) | undefined {
  const program = join(folder, "stopped-process")
  const source = fileURLToPath(new URL("stopped-process.c", import.meta.url))
  if (spawnSync("cc", ["-O2", "-o", program, source], { stdio: "inherit" }).status !== 0) return undefined
  return async (pid) => {
    const keeper = spawn(program, [String(pid)], { stdio: ["ignore", "pipe", "inherit"] })
    const [said] = await Promise.race([once(keeper.stdout, "data"), once(keeper, "exit")])
    if (String(said) !== "stopped\n") throw new Error(`process ${pid} can't be stopped`)
  }
}
