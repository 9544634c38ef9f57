import type { ProgressListener } from "@datamaestro/protocol"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as v from "valibot"
import { hasEnded, jobFiles } from "../jobs/job-folder.ts"
import { JournalReader } from "../jobs/journal.ts"
import { readLease } from "../store/lease.ts"
import { readPlainFile } from "../store/open-plain-file.ts"
import { storageError } from "../store/storage-error.ts"
import { writeAtomic } from "../store/write-atomic.ts"

/** Which archives lack, for those who help: a JSON array of their names. */
const WANTED = "archives.json"
const Names = v.array(v.string())
const JOURNAL = /^journal-\d+\.jsonl$/
const LOOK = 500
/** How long a helper waits for the job itself to begin, in milliseconds. */
const PATIENCE = 600_000

/** Of the job itself: tells which archives lack. */
export async function announceArchives(folder: string, names: readonly string[]): Promise<void> {
  const path = join(folder, WANTED)
  try {
    await writeAtomic(path, `${JSON.stringify(names)}\n`, { sync: false })
  } catch (error) {
    throw storageError(error, `write "${path}"`)
  }
}

/** Of the job itself: the progress of those who help, until `signal` aborts. */
export async function followHelpers(folder: string, progress: ProgressListener, signal: AbortSignal): Promise<void> {
  const journals = new Map<string, JournalReader>()
  while (!signal.aborted) {
    for (const name of await readdir(folder).catch((): string[] => [])) {
      if (!JOURNAL.test(name)) continue
      const journal = journals.get(name) ?? new JournalReader(join(folder, name))
      journals.set(name, journal)
      for (const { event } of await journal.read()) if (event !== undefined) progress(event)
    }
    await sleep(LOOK, undefined, { signal }).catch(() => {})
  }
}

/**
 * The progress of the job itself and of its helpers, who are read late: of a resource that is at its place nothing of theirs
 * comes any more.
 */
export function inOrder(progress: ProgressListener): { own: ProgressListener; theirs: ProgressListener } {
  const placed = new Set<string>()
  return {
    own: (event) => {
      if (event.phase === "resource") placed.add(`${event.dataset} ${event.resource}`)
      progress(event)
    },
    theirs: (event) => {
      if ("resource" in event && placed.has(`${event.dataset} ${event.resource}`)) return
      progress(event)
    },
  }
}

export function helperJournal(folder: string, helper: number): string {
  return join(folder, `journal-${helper}.jsonl`)
}

/** Of a helper: which archives lack, once the job itself has said so; nothing when it never will. */
export async function wantedArchives(folder: string, signal: AbortSignal): Promise<string[] | undefined> {
  const began = performance.now()
  while (!signal.aborted && performance.now() - began < PATIENCE && !(await isOver(folder))) {
    const names = await readNames(join(folder, WANTED))
    const { live } = await readLease(jobFiles(folder).lease)
    if (names !== undefined && live) return names
    await sleep(LOOK, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/** Nothing where there is no such file, or it makes no sense. */
async function readNames(path: string): Promise<string[] | undefined> {
  try {
    const parsed = v.safeParse(Names, JSON.parse(await readPlainFile(path)))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

/** Of a helper: aborts when the job has ended, or is asked to. */
export function watchForEnd(folder: string, abort: AbortController): NodeJS.Timeout {
  return setInterval(() => void isOver(folder).then((over) => over && abort.abort()), LOOK)
}

async function isOver(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.includes("cancel") || (await hasEnded(folder))
}
