import { DatamaestroError, interrupted, type Params, type SlurmOptions } from "@datamaestro/protocol"
import { stat } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import { readSpecification } from "../jobs/job-folder.ts"
import { jobOfHolder } from "../jobs/job-of-holder.ts"
import type { JobRecord } from "../jobs/job-record.ts"
import { SUBMITTED, type Outcome } from "../jobs/running-job.ts"
import { prepareOptions, resolve, valueOf } from "../prepare-request.ts"
import type { PrepareOptions } from "../pipeline.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { datasetKey } from "../store/layout.ts"
import { allocatedProgram } from "./allocated-program.ts"
import { claimDataset } from "./dataset-claim.ts"
import { OUTPUT } from "./last-words.ts"
import { SlurmWatch } from "./slurm-watch.ts"
import type { SubmissionBatch } from "./submission-batch.ts"
import { writeSubmission } from "./submission.ts"

type Request = Params<"datasets/prepare">

export interface SubmittedJob {
  folder: string
  request: Request & { slurm: NonNullable<Request["slurm"]> }
  /** Those that it is submitted with. */
  batch: SubmissionBatch
  /** It can be found by its id already: it does not join another job. */
  begun: boolean
  /** Whoever asked leaves with its id, and asks for the result by it. */
  detached: boolean
  /** Holds the job until it is submitted. */
  record(): Promise<JobRecord | undefined>
}

/**
 * Hands a preparation over to Slurm, unless there is nothing to do, or another job prepares the same dataset. What only
 * the person can provide is asked for first.
 *
 * @throws DatamaestroError LAUNCHER_FAILED; of the storage where the job can't be written down
 */
export async function submitPreparation(
  session: AgentSession,
  { folder, request, batch, begun, detached, record }: SubmittedJob,
  context: Parameters<typeof prepareOptions>[2],
): Promise<Outcome> {
  await session.environmentReady()
  const dataset = await resolve(session, request)
  const options = await prepareOptions(session, request, context)
  const { isPrepared, prepareDataset } = await import("../pipeline.ts")
  if (await isPrepared(dataset, options)) {
    if (detached) await record()
    context.progress({ phase: "dataset", dataset: dataset.plan.id, state: "present" })
    return await valueOf(session, dataset, request.encoder)
  }
  const program = allocatedProgram(session)
  const [jobs, job] = [dirname(folder), basename(folder)]
  const force = begun || request.force === true
  const theirs = force ? undefined : await jobAtWork(session, dataset, options, jobs)
  if (theirs !== undefined) return { joined: theirs }
  const joined = await claimDataset({ jobs, dataset: dataset.plan, job, force, signal: context.signal, record })
  if (joined !== undefined) return { joined }
  const held = await record()
  if (held === undefined) throw notHeld(folder)
  if (request.slurm.fetch === "login") await prepareDataset(dataset, { ...options, fetchOnly: true })
  const printed = (await stat(join(folder, OUTPUT)).catch(() => undefined))?.size
  const helpers = await helpersFor(dataset, options, request.slurm)
  const submitted = await batch.submit({
    job,
    folder,
    helpers,
    program,
    options: request.slurm,
    signal: context.signal,
  })
  await writeSubmission(folder, {
    version: 1,
    ...submitted,
    ...(printed === undefined ? {} : { printed }),
    submitted: new Date().toISOString(),
    host: hostname(),
    dataset: dataset.plan.id,
    repository: dataset.plan.repository,
  })
  if (context.signal.aborted) {
    // Only now is known what to cancel. The job may have ended as cancelled already: this was too slow to be waited for.
    await new SlurmWatch(folder).cancel()
    throw interrupted()
  }
  held.message(`submitted from ${hostname()} as Slurm job ${submitted.slurm}`)
  return SUBMITTED
}

/** Where a width is asked for, a dataset's archives are made by so many tasks; the job itself is one of them. */
async function helpersFor(
  dataset: ResolvedDataset,
  options: PrepareOptions,
  { width = 1 }: SlurmOptions,
): Promise<number> {
  if (width < 2 || options.force === true) return 0
  const { FoundDataset } = await import("../pipeline/found-dataset.ts")
  const { isShareable } = await import("../pipeline.ts")
  const found = await FoundDataset.read(options.paths, dataset.plan)
  let archives = 0
  for (const resource of found.stored) if (isShareable(resource) && !(await found.isWhole(resource))) archives++
  return Math.max(0, Math.min(width, archives) - 1)
}

/** The job that prepares this dataset at this moment. */
async function jobAtWork(
  session: AgentSession,
  dataset: ResolvedDataset,
  options: PrepareOptions,
  jobs: string,
): Promise<string | undefined> {
  const { lockHolder } = await import("../pipeline.ts")
  const holder = await lockHolder(dataset, options)
  const job = holder === undefined ? undefined : await jobOfHolder(jobs, dataset.plan.id, holder)
  return job !== undefined && (await isFor(session, dataset, join(jobs, job))) ? job : undefined
}

/** Whether a job was begun for this very dataset, not for one that refers to it. */
async function isFor(session: AgentSession, { plan }: ResolvedDataset, folder: string): Promise<boolean> {
  const found = await readSpecification(folder)
  if (found.kind !== "found") return false
  const theirs = await resolve(session, found.value.request).catch(() => undefined)
  return theirs !== undefined && datasetKey(theirs.plan) === datasetKey(plan)
}

function notHeld(folder: string): DatamaestroError {
  return new DatamaestroError("STORAGE_FAILED", `Cannot submit "${folder}": another process works on it`, {
    hint: "run the command again",
    details: { path: folder },
  })
}
