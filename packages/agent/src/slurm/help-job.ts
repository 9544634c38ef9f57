import type { ProgressEvent } from "@datamaestro/protocol"
import { basename } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import { readSpecification } from "../jobs/job-folder.ts"
import { unreadableJob } from "../jobs/job-errors.ts"
import { JournalWriter } from "../jobs/journal.ts"
import { prepareOptions, resolve } from "../prepare-request.ts"
import { awaitedByOthers } from "./awaited-by-others.ts"
import { helperJournal, wantedArchives, watchForEnd } from "./job-sharing.ts"

/**
 * Helps with a job in an allocation of its own: makes some of the dataset's archives, up to where the job itself places them.
 * What fails here is left to the job, which tells why.
 *
 * @param helper the number of this helper among those of the job, from 1
 * @throws DatamaestroError UNKNOWN_JOB; INTERRUPTED
 */
export async function helpJob(
  session: AgentSession,
  { folder, helper, abort }: { folder: string; helper: number; abort: AbortController },
): Promise<void> {
  const found = await readSpecification(folder)
  if (found.kind !== "found") throw unreadableJob(basename(folder), found)
  const { request } = found.value
  const names = await wantedArchives(folder, abort.signal)
  if (names === undefined || names.length === 0) return
  const resumed = await session.resumed(found.value)
  const journal = await JournalWriter.open(helperJournal(folder, helper))
  const timer = watchForEnd(folder, abort)
  try {
    const { signal } = abort
    const dataset = await resolve(resumed, request)
    const isAwaited = request.slurm?.fetch === "login" ? awaitedByOthers(resumed, folder) : undefined
    const progress = (event: ProgressEvent): void => journal.event(event)
    const options = await prepareOptions(resumed, request, { signal, progress, isAwaited })
    const { makeShares } = await import("../pipeline.ts")
    await makeShares(dataset, options, { names, first: helper })
  } finally {
    clearInterval(timer)
    await journal.close()
  }
}
