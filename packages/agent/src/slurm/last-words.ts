import { open } from "node:fs/promises"
import { join } from "node:path"
import type { Submission } from "./submission.ts"

/** Slurm's own output of a job, beside its journal. */
export const OUTPUT = "slurm.out"
const TAIL = 4096
const LONGEST = 300

/** What Slurm's daemon on the node says when it kills for memory, itself or by the kernel. */
const MEMORY = /^slurmstepd.*(exceeded (job |step )?memory limit|oom.?kill)/im

export interface LastWords {
  /** It was killed for the memory that it used. */
  memory: boolean
  /** The last line that was printed, without control characters. */
  line: string | undefined
}

/** What was printed in an allocation since it was submitted, in short. */
export async function readLastWords(folder: string, { output, printed = 0 }: Submission): Promise<LastWords> {
  const own = await tailOf(join(folder, OUTPUT), printed)
  const text = output === undefined ? own : `${await tailOf(output, 0)}\n${own}`
  const lines = text.split("\n").map((line) => line.replace(/\p{Cc}+/gu, " ").trim())
  return { memory: MEMORY.test(text), line: lines.findLast((line) => line !== "")?.slice(0, LONGEST) }
}

async function tailOf(path: string, from: number): Promise<string> {
  const file = await open(path, "r").catch(() => undefined)
  if (file === undefined) return ""
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
