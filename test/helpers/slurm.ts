import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { freePort } from "./free-port.ts"
import { temporaryFolder } from "./ssh-client-files.ts"

const DEBUG = "PartitionName=debug Nodes=ALL Default=YES State=UP"
const PROGRAMS = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch"]

/** Whether a Slurm of one's own can be started here: its daemons want root. */
export function slurmAvailable(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && PROGRAMS.every((path) => existsSync(path))
}

/** Skips the suite where there is no Slurm; never under CI, where its absence must be seen. */
export function skipWithoutSlurm(context: Mocha.Context): void {
  if (!slurmAvailable() && process.env["CI"] === undefined) context.skip()
}

/** A real Slurm on loopback: controller, one node of four processors, and munge. */
export interface Slurm {
  /** What programs need to find it. */
  readonly env: { SLURM_CONF: string }
  readonly node: string
  /** Runs one of its programs; resolves to what it printed. */
  run(program: string, ...args: string[]): Promise<string>
  /** The jobs that it has: `ID STATE REASON`. */
  queue(): Promise<string[]>
  /** Waits until its node has tidied up after the last job: only then can the same job start again. */
  idle(): Promise<void>
  /** Starts a requeued job now, of whose first start nothing is left. */
  startAgain(job: string): Promise<void>
  /** Waits until no job is left. */
  empty(): Promise<void>
  /** Whether Slurm's own process for a step of that job is still there. */
  hasStep(job: string): boolean
  stop(): Promise<void>
}

export interface SlurmConfiguration {
  /** Further lines of `slurm.conf`; they win over ours. */
  lines?: readonly string[]
  /** Lines of `cgroup.conf`; it limits nothing by control groups otherwise. */
  cgroups?: readonly string[]
  /** Its partitions, the default one first; one named `debug` otherwise. */
  partitions?: readonly string[]
}

export async function startSlurm({
  lines = [],
  partitions = [DEBUG],
  cgroups,
}: SlurmConfiguration = {}): Promise<Slurm> {
  const temporary = await temporaryFolder("datamaestro-slurm-")
  const folder = temporary.path
  const node = hostname()
  const [controllerPort, nodePort] = [await freePort(), await freePort()]
  const path = (name: string): string => join(folder, name)
  for (const name of ["state", "spool", "munge"]) await mkdir(path(name), { mode: 0o700 })
  await writeFile(path("munge/key"), randomBytes(64), { mode: 0o400 })
  const configuration = path("slurm.conf")
  const own = `ClusterName=test
SlurmctldHost=${node}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${path("munge/socket")}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
KillWait=2
StateSaveLocation=${path("state")}
SlurmdSpoolDir=${path("spool")}
SlurmctldPidFile=${path("slurmctld.pid")}
SlurmdPidFile=${path("slurmd.pid")}
SlurmctldLogFile=${path("slurmctld.log")}
SlurmdLogFile=${path("slurmd.log")}
NodeName=${node} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 State=UNKNOWN
${partitions.join("\n")}
`
  await writeFile(configuration, withLines(own, lines))
  if (cgroups !== undefined) await writeFile(path("cgroup.conf"), `${cgroups.join("\n")}\n`)
  const env = { SLURM_CONF: configuration }
  const daemons: ChildProcess[] = []
  const start = (program: string, ...args: string[]): void => {
    daemons.push(spawn(program, args, { env: { ...process.env, ...env }, stdio: "ignore" }))
  }
  const run = async (program: string, ...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, args, { env: { ...process.env, ...env } })
    return stdout
  }
  const isIdle = async (): Promise<boolean> => {
    const states = await run("sinfo", "--noheader", "--format=%T").catch(() => "")
    return states.trim() === "idle"
  }
  const stop = async (): Promise<void> => {
    await run("scancel", "--user=root", "--signal=KILL", "--batch").catch(() => "")
    await run("scancel", "--user=root").catch(() => "")
    await sleep(100)
    for (const daemon of daemons.toReversed()) {
      if (daemon.exitCode !== null) continue
      const ended = new Promise((resolve) => daemon.once("exit", resolve))
      daemon.kill("SIGTERM")
      const timer = setTimeout(() => daemon.kill("SIGKILL"), 5000)
      await ended
      clearTimeout(timer)
    }
    await temporary.remove()
  }
  const munge = ["socket", "key-file", "pid-file", "log-file", "seed-file"].map(
    (name) => `--${name}=${path(`munge/${name.replace("-file", "")}`)}`,
  )
  start("/usr/sbin/munged", "--foreground", "--force", ...munge)
  while (!existsSync(path("munge/socket"))) await sleep(20)
  start("/usr/sbin/slurmctld", "-D", "-f", configuration)
  start("/usr/sbin/slurmd", "-D", "-f", configuration, "-N", node)
  for (let tries = 0; ; tries++) {
    if (await isIdle()) break
    if (tries > 300) {
      const log = await readFile(path("slurmctld.log"), "utf8").catch(() => "")
      await stop()
      throw new Error(`Slurm did not start: ${log.slice(-2000)}`)
    }
    await sleep(100)
  }
  const queue = async (): Promise<string[]> =>
    (await run("squeue", "--noheader", "--array", "--format=%i %T %r")).split("\n").filter((line) => line !== "")
  return {
    env,
    node,
    run,
    queue,
    idle: async () => {
      while (!(await isIdle())) await sleep(50)
    },
    startAgain: async (job) => {
      while (!(await isIdle())) await sleep(50)
      // Its former credential is revoked, by the second: one of the same second would be refused. Slurm waits two minutes.
      await sleep(2000)
      await run("scontrol", "update", `JobId=${job}`, "StartTime=now")
    },
    hasStep: (job) => spawnSync("pgrep", ["--full", `^slurmstepd: \\[${job}\\.`]).status === 0,
    empty: async () => {
      while ((await queue()).length > 0) await sleep(50)
    },
    stop,
  }
}

/** As Slurm's programs read times: the machine's own, without a zone. `time` in ms since 1970. */
export function slurmTime(time: number): string {
  const date = new Date(time - 60_000 * new Date(time).getTimezoneOffset())
  return date.toISOString().slice(0, 19)
}

/** A key may stand in the file but once. */
function withLines(own: string, lines: readonly string[]): string {
  const keys = new Set(lines.map((line) => line.split("=")[0]))
  const kept = own.split("\n").filter((line) => !keys.has(line.split("=")[0]))
  return [...kept, ...lines, ""].join("\n")
}
