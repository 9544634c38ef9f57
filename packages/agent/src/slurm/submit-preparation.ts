import { DatamaestroError, type Params, type Result } from "@datamaestro/protocol"
import { hostname } from "node:os"
import type { AgentSession } from "../agent-session.ts"
import type { JobRecord } from "../jobs/job-record.ts"
import { SUBMITTED } from "../jobs/running-job.ts"
import { prepareOptions, resolve, valueOf } from "../prepare-request.ts"
import { writeSubmission } from "./submission.ts"
import { submit } from "./submit.ts"

type Request = Params<"datasets/prepare">

export interface SubmittedJob {
  folder: string
  request: Request & { slurm: NonNullable<Request["slurm"]> }
  /** Holds the job until it is submitted. */
  record(): Promise<JobRecord | undefined>
}

/**
 * Hands a preparation over to Slurm, unless there is nothing to do. What only the person can provide is asked for first.
 *
 * @throws DatamaestroError LAUNCHER_FAILED; of the storage where the job can't be written down
 */
export async function submitPreparation(
  session: AgentSession,
  { folder, request, record }: SubmittedJob,
  context: Parameters<typeof prepareOptions>[2],
): Promise<Result<"datasets/prepare"> | typeof SUBMITTED> {
  await session.environmentReady()
  const dataset = await resolve(session, request)
  const options = await prepareOptions(session, request, context)
  const { isPrepared } = await import("../pipeline.ts")
  if (await isPrepared(dataset, options)) {
    context.progress({ phase: "dataset", dataset: dataset.plan.id, state: "present" })
    return await valueOf(session, dataset, request.encoder)
  }
  const program = session.allocatedProgram()
  const held = await record()
  if (held === undefined) throw notHeld(folder)
  if (request.slurm.fetch === "login") {
    const { prepareDataset } = await import("../pipeline.ts")
    await prepareDataset(dataset, { ...options, fetchOnly: true })
  }
  const [slurm = ""] = await submit([folder], program, request.slurm)
  await writeSubmission(folder, {
    version: 1,
    slurm,
    submitted: new Date().toISOString(),
    host: hostname(),
    dataset: dataset.plan.id,
    repository: dataset.plan.repository,
  })
  held.message(`submitted from ${hostname()} as Slurm job ${slurm}`)
  return SUBMITTED
}

function notHeld(folder: string): DatamaestroError {
  return new DatamaestroError("STORAGE_FAILED", `Cannot submit "${folder}": another process works on it`, {
    hint: "run the command again",
    details: { path: folder },
  })
}
