import { runSlurm } from "./run-slurm.ts"

/** How long is waited for the limit, in milliseconds; `sbatch` refuses what is over it. */
const TIMEOUT = 10_000

/**
 * Most tasks that one job array may have here: MaxArraySize of slurm.conf(5), one more than the greatest index.
 *
 * @returns Infinity where Slurm doesn't tell, at least 1
 */
export async function arrayLimit(): Promise<number> {
  const answer = await runSlurm("scontrol", ["show", "config"], { timeout: TIMEOUT }).catch(() => undefined)
  const found = /^\s*MaxArraySize\s*=\s*(\d+)\s*$/m.exec(answer?.stdout ?? "")?.[1]
  return found === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(found))
}
