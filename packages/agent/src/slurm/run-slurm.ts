import { DatamaestroError } from "@datamaestro/protocol"
import { spawn } from "node:child_process"
import { hostname } from "node:os"
import { MORE_FILES, MORE_PROCESSES } from "../store/account-limits.ts"

/** Slurm's programs try for a while to reach their controller. */
const TIMEOUT = 60_000
const MOST_PRINTED = 1024 * 1024
/** What they print when it does not answer. */
export const SILENT = /unable to contact|connect failure|communication|socket timed out/i

const NOT_THERE =
  "run where Slurm is, with its programs on the PATH of the login shell (`module load slurm` in ~/.profile), or leave --launcher slurm out"
/** What says nothing of the program. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN: MORE_PROCESSES,
  ENOMEM: MORE_PROCESSES,
  EMFILE: MORE_FILES,
  ENFILE: MORE_FILES,
}

export interface SlurmAnswer {
  /** 0 when it did what it was asked. */
  status: number
  stdout: string
  /** Without control characters, for people. */
  stderr: string
}

/**
 * Runs one of Slurm's programs.
 *
 * @throws DatamaestroError LAUNCHER_FAILED when it isn't there, or doesn't answer in time
 */
export async function runSlurm(
  program: string,
  args: readonly string[],
  { timeout = TIMEOUT, cwd }: { timeout?: number; cwd?: string } = {},
): Promise<SlurmAnswer> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: slurmEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd === undefined ? {} : { cwd }),
    })
    const notStarted = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? ""
      const reason = code === "ENOENT" ? `it is not on the PATH of ${hostname()}` : error.message
      reject(failed(program, reason, LIMITS[code] ?? NOT_THERE, error))
    }
    // Where no more files may be opened Node makes no pipe either, whatever its types say; it tells in a moment.
    if ((child.stdout as typeof child.stdout | undefined) === undefined) {
      child.once("error", notStarted)
      return
    }
    let stdout = ""
    let stderr = ""
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      const seconds = Math.round(timeout / 1000)
      const reason = `it did not answer within ${seconds} s${stderr === "" ? "" : `: ${printable(stderr)}`}`
      reject(failed(program, reason, "Slurm's controller may be down, or busy: try again later"))
    }, timeout)
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout = (stdout + text).slice(-MOST_PRINTED)))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-MOST_PRINTED)))
    child.on("error", (error) => {
      clearTimeout(timer)
      notStarted(error)
    })
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ status: code ?? -1, stdout, stderr: printable(stderr) })
    })
  })
}

function failed(program: string, reason: string, hint: string, cause?: unknown): DatamaestroError {
  return new DatamaestroError("LAUNCHER_FAILED", `Cannot run Slurm's ${program}: ${reason}`, {
    hint,
    details: { program, host: hostname() },
    cause,
  })
}

/**
 * The environment without what would change the form of the answers, ask questions, or make of a submission
 * something else; where we run inside of an allocation, without what its steps are told.
 */
export function slurmEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) =>
      !/^(SQUEUE|SACCT|SCANCEL|SLURMD?)_/.test(name) ||
      /^SLURM_(CONF|CONF_SERVER|JWT|MUNGE_SOCKET|DEBUG_FLAGS)$/.test(name),
  )
  const foreign = new Set(["SBATCH_ARRAY_INX", "SBATCH_CLUSTERS", "SBATCH_WAIT"])
  return Object.fromEntries(kept.filter(([name]) => !foreign.has(name)))
}

/** What a program printed, on one line. */
function printable(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/\p{Cc}+/gu, " ").trim())
    .filter((line) => line !== "")
    .slice(-8)
    .join("; ")
    .slice(-1500)
}
