import { constants } from "node:fs"
import { basename, dirname, join } from "node:path"
import { JobId } from "@datamaestro/protocol"
import * as v from "valibot"
import { openPlainFile } from "../store/open-plain-file.ts"
import type { Submission } from "./submission.ts"

/** Slurm's own output of a job, beside its journal. */
export const OUTPUT = "slurm.out"
/** The same of the tasks of an array, in the folder of the first. */
const OF_A_TASK = /^slurm-\d+\.out$/
const TAIL = 4096
const LONGEST = 300

/** What Slurm's daemon on the node says when it kills for memory, itself or by the kernel. */
const MEMORY = /^slurmstepd.*(exceeded (job |step )?memory limit|oom.?kill)/im

/** Said of a start after which another one followed: where nothing did, Slurm itself calls it so, and nobody asks here. */
const EARLIER = /^slurmstepd.* CANCELLED AT .* DUE TO (JOB REQUEUE|PREEMPTION|NODE FAILURE)/

/** Node's own last line, which says nothing, and the one before it that says why it ended. */
const NODE_ENDS = /^Node\.js v\d/
const NODE_SAYS = /^(Uncaught )?\w*Error\b.*: /

export interface LastWords {
  /** It was killed for the memory that it used. */
  memory: boolean
  /** The last line that was printed, without control characters; of a Node that ended by an error, that error. */
  line: string | undefined
  /** Slurm could make the file that it prints into; a node that sees the folder makes it before all else. */
  opened: boolean
}

/** What was printed in an allocation since it was submitted, in short. It is shown, and written down for others. */
export async function readLastWords(folder: string, { output, printed = 0 }: Submission): Promise<LastWords> {
  const own = await tailOf(join(folder, OUTPUT), printed)
  const ofTask = output === undefined ? undefined : await tailOf(taskOutput(folder, output), 0)
  const text = `${ofTask ?? ""}\n${own ?? ""}`
  const lines = text.split("\n").map((line) => line.replace(/\p{Cc}+/gu, " ").trim())
  const last = lines.findLast((line) => line !== "" && !EARLIER.test(line))
  const thrown = NODE_ENDS.test(last ?? "") ? lines.findLast((line) => NODE_SAYS.test(line)) : undefined
  const opened = (output === undefined ? own : ofTask) !== undefined
  return { memory: MEMORY.test(text), line: (thrown ?? last)?.slice(0, LONGEST), opened }
}

/** In the folder of this job or of another one, whatever path it was submitted by; any other file is not ours to show. */
function taskOutput(folder: string, output: string): string | undefined {
  const [job, name] = [basename(dirname(output)), basename(output)]
  return v.is(JobId, job) && OF_A_TASK.test(name) ? join(dirname(folder), job, name) : undefined
}

/** Nothing where there is no such file. */
async function tailOf(path: string | undefined, from: number): Promise<string | undefined> {
  if (path === undefined) return undefined
  // A colleague who shares the data directory may have put a link there.
  const file = await openPlainFile(path, constants.O_NOFOLLOW).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const start = Math.max(from, size - TAIL)
    if (start >= size) return ""
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    return buffer.toString("utf8", 0, bytesRead)
  } catch {
    return ""
  } finally {
    await file.close()
  }
}
