import { basename, dirname } from "node:path"
import { AgentSession } from "./agent-session.ts"
import { becomeAgent } from "./process/become-agent.ts"
import { pathsOf } from "./data-directory.ts"
import { endOwnChildren } from "./process/end-own-children.ts"
import { RunningJobs } from "./jobs/running-jobs.ts"
import { workOnJob } from "./jobs/work-on-job.ts"
import { exitOrKill } from "./process/exit-or-kill.ts"
import { helpJob } from "./slurm/help-job.ts"
import { Allocation } from "./slurm/allocation.ts"

export interface JobProgram {
  /** The job's folder, in a data directory's `jobs`. */
  folder: string
  /** Where uploads lie. */
  cacheFolder: string | undefined
  /** The number of the helper among those of the job, from 1; 0 for the job itself. */
  helper: number
  file: string
}

/** How long what hangs may keep the process from ending, in milliseconds. */
const GRACE = 5000

/**
 * Works on one job in an allocation, without a controller: what it has to tell goes into the job's folder. SIGTERM, by
 * which Slurm says that the end is near, stops it so that it can be resumed.
 *
 * Ends the process: 0 when the job is done, else by what failed, 143 when it was stopped.
 */
export async function runJob({ folder, cacheFolder, helper, file }: JobProgram): Promise<void> {
  becomeAgent("datamaestro-job", () => {
    jobs.stop("the agent met an error it did not foresee")
    setTimeout(() => last(1), GRACE).unref()
  })
  const session = new AgentSession({ loginShell: false, cacheFolder, agentFile: file })
  session.locate(pathsOf(dirname(dirname(folder))))
  const allocation = new Allocation(folder, process.env)
  const jobs = new RunningJobs(session, { allocation })
  const last = (status: number): void => {
    endOwnChildren()
    exitOrKill(status)
  }
  const abort = new AbortController()
  let stopping = false
  const onTerm = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    abort.abort()
    if (helper === 0) jobs.stop(await allocation.whyEnding())
    setTimeout(() => last(143), GRACE).unref()
  }
  process.on("SIGTERM", () => void onTerm())
  if (process.platform !== "win32") process.on("SIGHUP", () => {})
  try {
    if (helper > 0) {
      await helpJob(session, { folder, helper, abort })
      return last(0)
    }
    const status = await workOnJob(basename(folder), { session, jobs, allocation })
    last(stopping ? 143 : status)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    last(1)
  }
}
