import { readFile, stat } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { datamaestro, type CommandOptions, type CommandRun } from "./command-line.ts"
import { temporaryFolder } from "./ssh-client-files.ts"

interface Held {
  host: string
  address: string
  held: { pid: number; since: string; commands: number; idle?: number; left?: number }
}

/** A person's machine on which connections are held, for a minute unless a test says otherwise. */
export interface HeldLab {
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  run(args: readonly string[], options?: CommandOptions): Promise<CommandRun>
  /** The connections that are held, as `hosts --json` tells. */
  held(): Promise<Held[]>
  /** Ends all of them, and waits until their processes have ended. */
  remove(): Promise<void>
}

export async function heldLab(): Promise<HeldLab> {
  const folder = await temporaryFolder("dm-held-")
  const env = {
    HOME: folder.path,
    XDG_CACHE_HOME: "",
    XDG_CONFIG_HOME: "",
    XDG_RUNTIME_DIR: "",
    DATAMAESTRO_HOLD_MINUTES: "1",
  }
  const run = (args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> =>
    datamaestro(args, { ...options, env: { ...env, ...options.env } })
  const held: HeldLab["held"] = async () => {
    const { stdout, stderr, status } = await run(["hosts", "--json"])
    if (status !== 0) throw new Error(stderr)
    return (JSON.parse(stdout) as (Omit<Held, "held"> & { held?: Held["held"][] })[]).flatMap(
      ({ held: all = [], ...host }) => all.map((one) => ({ ...host, held: one })),
    )
  }
  return {
    home: folder.path,
    env,
    run,
    held,
    remove: async () => {
      const pids = (await held()).map((each) => each.held.pid)
      await run(["hosts", "close", "--all"])
      for (const pid of pids) await processEnd(pid)
      await folder.remove()
    },
  }
}

/** Waits until a process has ended, a zombie included; `true` when it has within the time. */
export async function processEnd(pid: number, milliseconds = 10_000): Promise<boolean> {
  const deadline = Date.now() + milliseconds
  while (Date.now() < deadline) {
    if (!(await isAlive(pid))) return true
    await sleep(20)
  }
  return false
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")
    return !/^State:\s+Z/m.test(status)
  } catch {
    return false
  }
}

/** The permission bits of a path, in octal. */
export async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}
