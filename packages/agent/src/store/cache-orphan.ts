import { rename, stat } from "node:fs/promises"
import { basename, join } from "node:path"
import { ByteRanges } from "./byte-ranges.ts"
import { PartRecord, readRecordFile } from "./cache-record.ts"
import { fileSystemNow } from "./file-system-now.ts"
import { isGone, isWriterGone, parseHolder } from "./lock-holder.ts"

/**
 * A part whose writer was silent for longer is an orphan, for the holder of its key's lock. That lock falls 45 s after its
 * last heartbeat, and a writer that is killed may have written some 10 s after that one: whoever gets the lock then must
 * find the part free, or would begin anew. A living writer keeps its lock, however long the storage makes it wait.
 */
const ORPHAN_SECONDS = 30

/** What there is of parts that this process has left without being able to record it, the disk being full. */
const releasedHere = new Map<string, [number, number][]>()

export function leaveUnrecorded(path: string, ranges: [number, number][]): void {
  releasedHere.set(path, ranges)
}

export function recordPathOf(partPath: string): string {
  return partPath.replace(/\.tmp$/, ".json.tmp")
}

/** Whether `name` is an unfinished part of `key`: ours, or the `<key>.tmp` of Python datamaestro. */
export function isPartName(name: string): boolean {
  return /^[0-9a-f]{64}(\..+)?\.tmp$/.test(name) && !name.includes(".json.")
}

/** Whether nobody writes a part any more: its process is gone, or its record and bytes are old. */
export async function isOrphan(path: string, record: PartRecord | undefined): Promise<boolean> {
  if (record?.released === true || releasedHere.has(path)) return true
  // Its writer may have been killed before it recorded anything; the name says who it was.
  if (record === undefined && (await isWriterGone(basename(path)))) return true
  const holder = record === undefined ? undefined : parseHolder(record.holder)
  if (holder !== undefined && (await isGone(holder))) return true
  const times = await Promise.all([path, recordPathOf(path)].map((file) => stat(file).catch(() => undefined)))
  const last = Math.max(...times.map((status) => status?.mtimeMs ?? 0))
  return (await fileSystemNow(path)) - last > ORPHAN_SECONDS * 1000
}

export interface Claimed {
  record: PartRecord
  /** Still under its old name: it names the dead writer. */
  recordPath: string
  /** What of it can be trusted. */
  ranges: [number, number][]
}

/**
 * Renames the fullest orphan of that key to `target`; the winner of the rename goes on with it.
 *
 * @param names those in the folder that are the key's
 */
export async function claimOrphan(
  folder: string,
  key: string,
  { target, url, names }: { target: string; url: string; names: readonly string[] },
): Promise<Claimed | undefined> {
  const found: { path: string; record: PartRecord; ranges: [number, number][]; bytes: number }[] = []
  for (const path of names.filter(isPartName).map((name) => join(folder, name))) {
    const recorded = await readRecordFile(recordPathOf(path), PartRecord)
    if (!(await isOrphan(path, recorded))) continue
    const record = recorded ?? (await pythonRecord(path, key, url))
    if (record === undefined) continue
    const ranges = recorded === undefined ? record.ranges : await usableRanges(path, record)
    const bytes = ranges.reduce((sum, [start, end]) => sum + end - start, 0)
    if (bytes > 0) found.push({ path, record, ranges, bytes })
  }
  found.sort((a, b) => b.bytes - a.bytes)
  for (const { path, record, ranges } of found) {
    try {
      await rename(path, target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue
      throw error
    }
    return { record, recordPath: recordPathOf(path), ranges }
  }
  return undefined
}

/**
 * What Python datamaestro left: it writes `<key>.tmp` from the start and records nothing. Without a validator it is only
 * continued where a declared checksum would show a mixture.
 */
async function pythonRecord(path: string, key: string, url: string): Promise<PartRecord | undefined> {
  const status = basename(path) === `${key}.tmp` ? await stat(path).catch(() => undefined) : undefined
  if (status === undefined) return undefined
  return { url, source: url, ranges: [[0, status.size]], holder: "" }
}

/**
 * All that was written, when only the writing process died: this machine still has it. Otherwise what was recorded
 * after a sync: on NFS, a crashed machine can leave holes below the end of the file.
 */
async function usableRanges(path: string, record: PartRecord): Promise<[number, number][]> {
  const status = await stat(path).catch(() => undefined)
  if (status === undefined) return []
  const ranges = new ByteRanges(await trustedRanges(path, record, status.size))
  // A file that is shorter than its record was changed by somebody else.
  ranges.cut(status.size)
  return ranges.toArray()
}

async function trustedRanges(path: string, record: PartRecord, size: number): Promise<readonly [number, number][]> {
  const here = releasedHere.get(path)
  if (here !== undefined) return here
  const holder = parseHolder(record.holder)
  // Of one that was left to be continued all that was written is recorded: what came since is somebody else's.
  if (holder === undefined || record.released === true || !(await isGone(holder))) return record.ranges
  return record.written ?? [[0, size]]
}
