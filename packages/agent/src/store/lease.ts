import { describeHolder, isStale, readRecord, STALE_SECONDS } from "./lock-record.ts"
import type { Holder } from "./lock-holder.ts"

export interface Lease {
  /** Somebody works on what it stands for. */
  live: boolean
  /** Who has or had it last. */
  holder: Holder | undefined
  /** As messages call them: `process 12 on login1`. */
  description: string | undefined
}

/** Who has a lock; takes nothing. */
export async function readLease(path: string): Promise<Lease> {
  const record = await readRecord(path).catch(() => undefined)
  if (record === undefined) return { live: false, holder: undefined, description: undefined }
  const stale = await isStale(path, record, STALE_SECONDS).catch(
    // A folder that can't be written can't be asked for its server's clock either.
    () => Date.now() - record.beat > STALE_SECONDS * 1000,
  )
  return { live: !stale, holder: record.holder, description: describeHolder(record) }
}
