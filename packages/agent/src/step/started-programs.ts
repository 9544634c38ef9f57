import { readdir, readFile } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"

/** What the environment of each program says that a step starts, and of those that they start: whose it is. */
const MARK = "DATAMAESTRO_STEP"
const SLURM_JOB = "SLURM_JOB_ID="
const PAUSE = 25

/** In the step's thread: what it starts from now on bears the mark. */
export function markPrograms(mark: string): void {
  process.env[MARK] = mark
}

/**
 * Ends the programs that bear a mark: asks them to (SIGTERM), and kills those that are still there a moment
 * later. Only Linux tells which they are; elsewhere nothing is done.
 *
 * @param grace how long they may take to clean up, and then to be gone, in milliseconds
 */
export async function endPrograms(mark: string, grace: number): Promise<void> {
  const known = new Set<string>()
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const told = new Set<string>()
    for (const pid of await strays(mark)) known.add(pid)
    for (const until = Date.now() + grace; Date.now() < until; await delay(PAUSE)) {
      const programs = await programsWith(mark, known)
      if (programs.size === 0) return
      for (const pid of programs) {
        known.add(pid)
        if (!told.has(pid)) send(pid, signal)
        told.add(pid)
      }
    }
  }
}

/** Of the programs that are known, which may be nobody's children any more, of this process's children, and of all below them. */
async function programsWith(mark: string, known: Iterable<string>): Promise<Set<string>> {
  const bearing = new Set<string>()
  let next = [...known, ...(await childrenOf("self"))]
  while (next.length > 0) {
    const bear = await Promise.all(next.map((pid) => bears(mark, pid)))
    const found = next.filter((pid, index) => bear[index] === true && !bearing.has(pid))
    for (const pid of found) bearing.add(pid)
    next = (await Promise.all(found.map(childrenOf))).flat()
  }
  return bearing
}

/** How many files are open at once while all processes are looked at. */
const AT_ONCE = 32

/** Those that are below this process no more, as what started them has ended (`server &` in a shell). */
async function strays(mark: string): Promise<string[]> {
  const all = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found: string[] = []
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE)
    const stray = await Promise.all(some.map(async (pid) => isStray(mark, await environmentOf(pid))))
    found.push(...some.filter((_, index) => stray[index]))
  }
  return found
}

async function bears(mark: string, pid: string): Promise<boolean> {
  return (await environmentOf(pid)).includes(`${MARK}=${mark}`)
}

async function environmentOf(pid: string): Promise<string[]> {
  // One that has ended has none.
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")
  return environment.split("\0")
}

/** A job that a step has submitted inherits the mark, and may run on this very machine. It is Slurm's, as on any other. */
function isStray(mark: string, environment: readonly string[]): boolean {
  if (!environment.includes(`${MARK}=${mark}`)) return false
  const job = environment.find((entry) => entry.startsWith(SLURM_JOB))
  return job === undefined || job === `${SLURM_JOB}${process.env["SLURM_JOB_ID"]}`
}

/** proc(5): each thread has a file of the processes that it has started. */
async function childrenOf(pid: string): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "latin1").catch(() => ""))
  return (await Promise.all(lists)).flatMap((list) => list.split(" ").filter(Boolean))
}

function send(pid: string, signal: NodeJS.Signals): void {
  try {
    process.kill(Number(pid), signal)
  } catch {
    // It has ended meanwhile.
  }
}
