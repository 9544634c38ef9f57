import { rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { pruneClaims } from "../slurm/dataset-claim.ts"
import { jobFiles, jobIds } from "./job-folder.ts"
import { readLease } from "../store/lease.ts"

const DAY = 24 * 3600_000

/**
 * Removes jobs that ended more than so many days ago, and those that were given up four times as long ago.
 * What they prepared stays; so does all that somebody works on.
 */
export async function pruneJobs(jobs: string, days: number): Promise<void> {
  for (const id of await jobIds(jobs)) {
    const folder = join(jobs, id)
    const files = jobFiles(folder)
    const ended = await stat(files.result).catch(() => undefined)
    const told =
      ended ?? (await stat(files.journal).catch(() => undefined)) ?? (await stat(folder).catch(() => undefined))
    const keep = (ended === undefined ? 4 * days : days) * DAY
    if (told === undefined || Date.now() - told.mtimeMs < keep) continue
    if (ended === undefined && (await readLease(files.lease)).live) continue
    await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
  await pruneClaims(jobs)
}
