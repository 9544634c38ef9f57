import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { holderName, isWriterGone, thisHolder, type Holder } from "./lock-holder.ts"
import { beat, createRecord, isStale, readRecord } from "./lock-record.ts"
import { removeFile } from "./remove-file.ts"
import { storageError } from "./storage-error.ts"

const HEARTBEAT_SECONDS = 10
const STALE_SECONDS = 120

/** A mark that says "in use" to other processes: a file `<key>.<host>.<pid>.<random>.use` with a heartbeat. */
export interface UseMark {
  remove(): Promise<void>
}

export async function markInUse(folder: string, key: string): Promise<UseMark> {
  const holder: Holder = await thisHolder()
  const path = join(folder, `${key}.${holderName(holder)}.${randomBytes(4).toString("hex")}.use`)
  const file = await createRecord(path, holder)
  if (file === undefined) throw new Error(`the name "${path}" is taken`)
  let beating: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    beating = beating.then(() => beat(file, holder, path)).catch(() => {})
  }, HEARTBEAT_SECONDS * 1000)
  timer.unref()
  return {
    async remove() {
      clearInterval(timer)
      await beating
      await file.close().catch(() => {})
      await removeFile(path).catch((error: unknown) => {
        throw storageError(error, `remove the mark "${path}"`)
      })
    },
  }
}

/** Whether a living process uses the entry; marks of dead ones are removed. `names`: those in the folder that are the key's. */
export async function isInUse(folder: string, names: readonly string[]): Promise<boolean> {
  let used = false
  for (const name of names) {
    if (!name.endsWith(".use")) continue
    const path = join(folder, name)
    const record = await readRecord(path)
    if (record === undefined) continue
    // A writer that was killed over its first words is known by the mark's name.
    const unwritten = record.holder === undefined && (await isWriterGone(name))
    if (unwritten || (await isStale(path, record, STALE_SECONDS))) await removeFile(path)
    else used = true
  }
  return used
}

/** Whether a living process has the entry's lock. `names`: as of `isInUse`. */
export async function isLocked(folder: string, key: string, names: readonly string[]): Promise<boolean> {
  const path = lockPath(folder, key)
  if (!names.includes(`${key}.lock`)) return false
  const record = await readRecord(path)
  return record !== undefined && !(await isStale(path, record, STALE_SECONDS))
}

export function lockPath(folder: string, key: string): string {
  return join(folder, `${key}.lock`)
}
