import { DatamaestroError, type SlurmOptions } from "@datamaestro/protocol"
import { writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, join } from "node:path"
import { storageError } from "../store/storage-error.ts"
import { OUTPUT } from "./last-words.ts"
import { runSlurm, SILENT } from "./run-slurm.ts"
import { removeFile } from "../store/remove-file.ts"

/** How long before the end of its time a job is told, in seconds: enough to write down what there is. */
const NOTICE_SECONDS = 60
/** The program that an allocation runs: this very agent, by this very Node. Both must be visible there. */
export interface AllocatedProgram {
  node: string
  agent: string
  /** Where uploads lie. */
  cacheFolder: string
}

export interface Submitted {
  /** Slurm's number. */
  slurm: string
  /** Where Slurm's daemon on the node prints, unless that is the folder's own file. */
  output?: string
}

/** What one task of an array does. */
export interface Task {
  /** The job's folder, absolute. */
  folder: string
  /** The number of the helper among those of the job, from 1; absent for the job itself. */
  helper?: number
}

/**
 * Submits jobs by one `sbatch`: several as an array.
 *
 * @param after Slurm's number of what must have ended before any of them begins
 * @returns in the order of the tasks
 * @throws DatamaestroError LAUNCHER_FAILED with what `sbatch` printed
 */
export async function submit(
  tasks: readonly Task[],
  program: AllocatedProgram,
  options: SlurmOptions,
  after?: string,
): Promise<Submitted[]> {
  const { folder } = tasks[0] ?? {}
  if (folder === undefined) return []
  const script = join(folder, "slurm.sh")
  try {
    await removeFile(script)
    await writeFile(script, scriptOf(tasks, program), { mode: 0o700, flag: "wx" })
  } catch (error) {
    throw storageError(error, `write "${script}"`)
  }
  const { status, stdout, stderr } = await runSlurm("sbatch", [
    ...(after === undefined ? [] : [`--dependency=afterany:${after}`]),
    ...argumentsOf(folder, tasks.length, options),
    script,
  ])
  // With --parsable: the number, and the cluster behind a semicolon. What a plug-in prints comes on lines of its own.
  const id = /^(\d+)(;[^\s;]*)?$/m.exec(stdout.trim())?.[1]
  if (status !== 0 || id === undefined) throw refused(status, stderr === "" ? stdout.trim() : stderr)
  if (tasks.length === 1) return [{ slurm: id }]
  return tasks.map((_, index) => ({ slurm: `${id}_${index}`, output: join(folder, `slurm-${index}.out`) }))
}

export function argumentsOf(folder: string, count: number, options: SlurmOptions): string[] {
  const { partition, account, time, memory, cpus, width, options: further = [] } = options
  const asked = { partition, account, time, mem: memory, "cpus-per-task": cpus }
  return [
    "--parsable",
    `--job-name=datamaestro-${basename(folder)}`,
    `--chdir=${folder}`,
    // Absolute, and with what is a pattern to Slurm escaped, which it is in the folder's name too.
    `--output=${folder.replaceAll("%", "%%")}/${count === 1 ? OUTPUT : "slurm-%a.out"}`,
    "--open-mode=append",
    "--nodes=1",
    "--ntasks=1",
    "--requeue",
    `--signal=B:TERM@${NOTICE_SECONDS}`,
    ...(count === 1 ? [] : [`--array=0-${count - 1}${width === undefined ? "" : `%${width}`}`]),
    ...Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...further,
  ]
}

/** As the bootstrap has it where the addresses of a process are limited: Slurm may limit them (VSizeFactor), or hand on the login node's limit. */
const FRUGAL = "#!/bin/sh\ncase $(ulimit -v) in *[0-9]*) frugal=--disable-wasm-trap-handler;; esac\n"

/** `exec`: Slurm's signals reach the agent itself. */
export function scriptOf(tasks: readonly Task[], { node, agent, cacheFolder }: AllocatedProgram): string {
  const command = ({ folder, helper }: Task): string => {
    const words = [agent, "job", folder, cacheFolder, ...(helper === undefined ? [] : [String(helper)])]
    return `exec ${quote(node)} $frugal ${words.map(quote).join(" ")}`
  }
  const [only] = tasks
  if (only !== undefined && tasks.length === 1) return `${FRUGAL}${command(only)}\n`
  const cases = tasks.map((task, index) => `${index}) ${command(task)} >>${quote(join(task.folder, OUTPUT))} 2>&1 ;;\n`)
  return `${FRUGAL}case "$SLURM_ARRAY_TASK_ID" in\n${cases.join("")}esac\nexit 1\n`
}

/** One word for POSIX sh, whatever it holds. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** What Slurm's programs print, and what helps. The most telling first. */
const REASONS: readonly { pattern: RegExp; hint: string }[] = [
  {
    // The programs alone are installed, without a cluster's configuration.
    pattern: /configuration source|process configuration file|cannot stat file .*slurm\.conf/i,
    hint: `Slurm's programs are on ${hostname()}, but no cluster: name a login node of the cluster with --host, or leave --launcher slurm out`,
  },
  {
    pattern: SILENT,
    hint: "Slurm's controller does not answer: try again later, or leave --launcher slurm out",
  },
]

function refused(status: number, printed: string): DatamaestroError {
  const known = REASONS.find(({ pattern }) => pattern.test(printed))
  return new DatamaestroError(
    "LAUNCHER_FAILED",
    `Cannot submit to Slurm on ${hostname()}: ${printed === "" ? `sbatch ended with status ${status}` : printed}`,
    {
      hint:
        known?.hint ??
        'correct "slurm" (partition, account, time, memory, cpus, options) in user.json: `sinfo` there shows what may be asked for',
      details: { status, printed },
    },
  )
}
