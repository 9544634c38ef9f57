import { open, stat, type FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import { errnoName } from "./errno-name.ts"
import { isSharedStorage } from "./shared-storage.ts"
import { fileSystemNow } from "./file-system-now.ts"
import { READ_AT_ONCE } from "./open-plain-file.ts"
import { isGone, parseHolder, type Holder } from "./lock-holder.ts"
import { removeFile } from "./remove-file.ts"
import { syncOpenFile } from "./sync-open-file.ts"

/** A holder silent for longer is taken for dead. */
export const STALE_SECONDS = 45
/** The first words come right after the file's making: one without any for so long was made by a process that died over it. */
const UNWRITTEN_SECONDS = 10

/** A lock file as found: `token` names this very acquisition, also when the content can't be read. */
export interface LockRecord {
  token: string
  holder: Holder | undefined
  /** Nothing was ever written to it. */
  empty: boolean
  /** Time of the last heartbeat, in milliseconds by the file system's clock. */
  beat: number
}

/** Creates a lock file for the holder; `undefined` when the name is taken. The handle stays open for heartbeats. */
export async function createRecord(path: string, holder: Holder): Promise<FileHandle | undefined> {
  let file: FileHandle
  try {
    file = await open(path, "wx")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined
    throw error
  }
  try {
    await beat(file, holder, path)
    return file
  } catch (error) {
    await file.close()
    await removeFile(path)
    throw error
  }
}

/**
 * A heartbeat: writes the same content again, so that the time is the file server's (utimes would set this
 * machine's), and to the open file, so that it never touches the lock of somebody who took over. Where other machines
 * may look, it is pushed to the server.
 */
export async function beat(file: FileHandle, holder: Holder, path: string): Promise<void> {
  await file.write(`${JSON.stringify(holder)}\n`, 0)
  if (await isSharedStorage(dirname(path))) await syncOpenFile(file)
}

/** Opening first makes NFS ask its server instead of its attribute cache. `undefined`: there is none. */
export async function readRecord(path: string): Promise<LockRecord | undefined> {
  let file: FileHandle
  try {
    file = await open(path, READ_AT_ONCE)
  } catch (error) {
    const code = errnoName(error)
    if (code === "ENOENT" || code === "ESTALE") return undefined
    if (code !== "EACCES") throw error
    const status = await stat(path).catch(() => undefined)
    return status && { token: `inode-${status.ino}`, holder: undefined, empty: false, beat: status.mtimeMs }
  }
  try {
    const status = await file.stat()
    const holder = parseHolder(await file.readFile("utf8"))
    const token = holder?.token ?? `inode-${status.ino}`
    return { token, holder, empty: status.size === 0, beat: status.mtimeMs }
  } catch (error) {
    if (errnoName(error) === "ESTALE") return undefined
    throw error
  } finally {
    await file.close()
  }
}

/** Heartbeats from the future, by the lock's path: which, and when it was first seen, by this process's clock. */
const ahead = new Map<string, { beat: string; since: number }>()

/** Whether the holder is gone: known dead on this machine, or silent for longer than `patience` in seconds. */
export async function isStale(path: string, record: LockRecord, patience: number): Promise<boolean> {
  const seconds = record.empty ? Math.min(patience, UNWRITTEN_SECONDS) : patience
  if (record.holder !== undefined && (await isGone(record.holder))) return true
  const silent = (await fileSystemNow(path)) - record.beat
  if (silent >= -seconds * 1000) {
    ahead.delete(path)
    return silent > seconds * 1000
  }
  // The clock was set back. Whoever lives soon writes a heartbeat by the new one.
  const beat = `${record.token} ${record.beat}`
  const seen = ahead.get(path)
  if (seen?.beat === beat) return performance.now() - seen.since > seconds * 1000
  ahead.set(path, { beat, since: performance.now() })
  return false
}

export function describeHolder(record: LockRecord): string {
  return record.holder === undefined ? "an unknown process" : `process ${record.holder.pid} on ${record.holder.host}`
}
