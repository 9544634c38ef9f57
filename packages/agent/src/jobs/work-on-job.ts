import { asDatamaestroError } from "@datamaestro/protocol"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { AgentSession } from "../agent-session.ts"
import type { Allocation } from "../slurm/allocation.ts"
import { unreadableJob } from "./job-errors.ts"
import { hasEnded, readSpecification } from "./job-folder.ts"
import { JobRecord } from "./job-record.ts"
import type { RunningJobs } from "./running-jobs.ts"

const POLL = 200
/** How long the work may take to give back its locks once it has ended, in milliseconds. */
const SETTLE = 3000

/**
 * Works on a job in an allocation, once whoever has it lets go of it or is dead.
 *
 * @returns the exit status
 * @throws DatamaestroError UNKNOWN_JOB when its folder makes no sense
 */
export async function workOnJob(
  id: string,
  { session, jobs, allocation }: { session: AgentSession; jobs: RunningJobs; allocation: Allocation },
): Promise<number> {
  const folder = join(jobs.folder, id)
  const found = await readSpecification(folder)
  if (found.kind !== "found") throw unreadableJob(id, found)
  const record = await takeOver(folder)
  if (record === undefined) return 0
  await allocation.begin()
  record.message(allocation.description)
  try {
    const job = jobs.run(await session.resumed(found.value), found.value, { record })
    try {
      await job.done
      return 0
    } finally {
      // The process ends now: what is left to give back must not be left to others' patience.
      await Promise.race([job.settled, sleep(SETTLE, undefined, { ref: false })])
    }
  } catch (error) {
    return asDatamaestroError(error).exitStatus
  }
}

/** Nothing when the job has a result. */
async function takeOver(folder: string): Promise<JobRecord | undefined> {
  for (;;) {
    if (await hasEnded(folder)) return undefined
    const record = await JobRecord.resume(folder, "begun")
    if (record === undefined) {
      await sleep(POLL)
      continue
    }
    if (!(await hasEnded(folder))) return record
    await record.end({ state: "stopped", reason: "it had ended already" })
  }
}
