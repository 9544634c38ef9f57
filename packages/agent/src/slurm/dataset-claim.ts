import { createHash } from "node:crypto"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { jobFiles, hasEnded } from "../jobs/job-folder.ts"
import { datasetKey } from "../store/layout.ts"
import { readLease } from "../store/lease.ts"
import { acquireLock } from "../store/lock.ts"
import { readPlainFile } from "../store/open-plain-file.ts"
import { storageError } from "../store/storage-error.ts"
import { writeAtomic } from "../store/write-atomic.ts"
import { SlurmWatch } from "./slurm-watch.ts"
import { removeFile } from "../store/remove-file.ts"

/** In the folder of all jobs: for each dataset that was submitted, the job that prepares it. */
const FOLDER = ".claims"

export interface DatasetClaim {
  /** The folder of all jobs. */
  jobs: string
  dataset: { id: string; repository: string }
  job: string
  /** Takes it from whoever has it. */
  force: boolean
  signal: AbortSignal
  /** Makes the job findable, before others are told of it. */
  record(): Promise<unknown>
}

/**
 * Claims a dataset for a job that is going to be submitted, so that no second one is submitted for it.
 *
 * @returns the job that prepares it already, queued or running; nothing when the claim is ours
 * @throws DatamaestroError of the storage
 */
export async function claimDataset(claim: DatasetClaim): Promise<string | undefined> {
  const { jobs, dataset, job, force, signal, record } = claim
  const path = join(jobs, FOLDER, createHash("sha256").update(datasetKey(dataset)).digest("hex").slice(0, 32))
  const lock = await acquireLock(`${path}.lease`, { signal })
  try {
    const other = await readClaim(path)
    if (!force && other !== undefined && other !== job && (await isUnderWay(join(jobs, other)))) return other
    await record()
    await writeAtomic(path, `${job}\n`, { sync: false })
    return undefined
  } catch (error) {
    throw storageError(error, `write "${path}"`)
  } finally {
    await lock.release()
  }
}

/** Removes the claims of jobs whose folders are gone. Those are there before a claim is. */
export async function pruneClaims(jobs: string): Promise<void> {
  const folder = join(jobs, FOLDER)
  for (const name of await readdir(folder).catch((): string[] => [])) {
    if (!/^[0-9a-f]{32}$/.test(name)) continue
    const job = await readClaim(join(folder, name))
    if (job !== undefined && (await stat(join(jobs, job)).catch(() => undefined)) !== undefined) continue
    await removeFile(join(folder, name)).catch(() => {})
  }
}

/** Nothing for what is no job's id: it becomes a path. */
async function readClaim(path: string): Promise<string | undefined> {
  const text = (await readPlainFile(path).catch(() => "")).trim()
  return /^[a-z0-9][a-z0-9-]*$/.test(text) ? text : undefined
}

async function isUnderWay(folder: string): Promise<boolean> {
  // In this order: a holder writes the result, or that it was submitted, before it lets go.
  const { live } = await readLease(jobFiles(folder).lease)
  if (await hasEnded(folder)) return false
  return live || (await new SlurmWatch(folder).look(true)).kind === "waiting"
}
