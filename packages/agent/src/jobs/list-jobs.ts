import type { JobSummary } from "@datamaestro/protocol"
import { join } from "node:path"
import { stat } from "node:fs/promises"
import { findResult, jobFiles, jobIds, readSpecification, type Unreadable } from "./job-folder.ts"
import { JournalReader } from "./journal.ts"
import { sideBySide } from "../concurrency/side-by-side.ts"
import { readLease } from "../store/lease.ts"
import { ProgressSnapshot } from "./progress-snapshot.ts"
import { lookAt } from "../slurm/look.ts"
import { asRecorded, recordEnd } from "../slurm/record-end.ts"
import { waiting } from "../slurm/slurm-watch.ts"
import { readSubmission } from "../slurm/submission.ts"

/** Jobs that are read at once: the result of each may be large. */
const AT_ONCE = 16

/** All jobs of a data directory, oldest first. Never fails for the sake of one of them. */
export async function listJobs(jobs: string): Promise<JobSummary[]> {
  const summaries: JobSummary[] = []
  await sideBySide(AT_ONCE, await jobIds(jobs), async (id) => summaries.push(await summarize(join(jobs, id), id)))
  await askSlurm(jobs, summaries)
  return summaries.toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0) || (a.id < b.id ? -1 : 1))
}

/** Those without a process may wait in Slurm's queue: it is asked once for all of them. */
async function askSlurm(jobs: string, summaries: JobSummary[]): Promise<void> {
  const orphans = summaries.filter(({ state, slurm }) => state === "lost" && slurm !== undefined)
  const looks = await lookAt(orphans.flatMap(({ slurm }) => slurm ?? []))
  for (const summary of orphans) {
    const folder = join(jobs, summary.id)
    const submission = await readSubmission(folder)
    const told = submission === undefined ? undefined : looks.get(submission.slurm)
    if (submission === undefined || told === undefined) continue
    const look = asRecorded(told, submission)
    delete summary.pid
    if (look.kind === "alive" || look.kind === "unknown") {
      summary.state = "queued"
      summary.detail = waiting(submission, look).detail
    } else summary.detail = await recordEnd(folder, submission, look)
  }
}

async function summarize(folder: string, id: string): Promise<JobSummary> {
  const files = jobFiles(folder)
  const found = await readSpecification(folder)
  if (found.kind !== "found") {
    const since = (await stat(folder).catch(() => undefined))?.mtimeMs
    const detail =
      found.kind === "missing" ? "job.json is missing: it was left half written" : toldOf("job.json", found)
    return { id, state: "unreadable", detail, ...(since === undefined ? {} : { since: Math.floor(since / 1000) }) }
  }
  const { request, created, host } = found.value
  // In this order: a holder writes the result before it lets go.
  const lease = await readLease(files.lease)
  const ended = await findResult(folder)
  const result = ended.kind === "found" ? ended.value : undefined
  const foreign = ended.kind === "unreadable" && ended.foreign === true ? toldOf("result.json", ended) : undefined
  const submission = await readSubmission(folder)
  const since = Date.parse(created)
  return {
    id,
    state: result?.state ?? (foreign !== undefined ? "unreadable" : lease.live ? "running" : "lost"),
    dataset: request.id,
    ...(Number.isNaN(since) ? {} : { since: Math.floor(since / 1000) }),
    host: lease.holder?.host ?? host,
    ...(lease.live && lease.holder !== undefined ? { pid: lease.holder.pid } : {}),
    ...(submission === undefined ? {} : { slurm: submission.slurm }),
    ...(ended.kind === "found" ? {} : await toldBy(files.journal, lease.live)),
    ...(result?.state === "failed" ? { detail: result.error.message } : {}),
    ...(foreign === undefined ? {} : { detail: foreign }),
  }
}

function toldOf(file: string, { reason }: Unreadable): string {
  return reason.startsWith(file) ? reason : `${file}: ${reason}`
}

/** How far it is; of one that nobody works on also why, if its process could tell. */
async function toldBy(journal: string, live: boolean): Promise<Pick<JobSummary, "progress" | "detail">> {
  const snapshot = new ProgressSnapshot()
  let last = ""
  for (const { event, message } of await new JournalReader(journal).read()) {
    if (event !== undefined) snapshot.take(event)
    if (message !== undefined) last = message
  }
  return {
    ...(snapshot.newest === undefined ? {} : { progress: snapshot.newest }),
    ...(!live && last.startsWith("stopped: ") ? { detail: last } : {}),
  }
}
