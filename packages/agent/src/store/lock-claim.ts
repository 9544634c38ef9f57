import { basename, dirname, join } from "node:path"
import type { Holder } from "./lock-holder.ts"
import { createRecord, isStale, readRecord, STALE_SECONDS } from "./lock-record.ts"
import { removeFile } from "./remove-file.ts"

/**
 * Removes the lock file with that token, and no other one: `false` when somebody else does it or did.
 *
 * Looking and then removing would race: between the two, others may have removed it and taken the lock anew. So
 * the right to remove is itself taken exclusively, by creating `<path>.<token>`; a token never comes back. A
 * claim whose holder died is claimed in turn by its own token, and so on; the last claimant sweeps up.
 */
export async function removeClaimed(path: string, token: string, self: Holder, claimSeconds: number): Promise<boolean> {
  const claims: string[] = []
  let next = token
  for (;;) {
    const claim = `${path}.${next}`
    claims.push(claim)
    const file = await createRecord(claim, self)
    if (file !== undefined) {
      // It exists, and that is all it is for.
      await file.close().catch(() => {})
      break
    }
    const other = await readRecord(claim)
    if (other === undefined || other.token === self.token) return false
    if (!(await isStale(path, other, claimSeconds))) return false
    next = other.token
  }
  try {
    // The winner looks again: the lock may have been removed, and its claims swept up, before our claim.
    const current = await readRecord(path)
    if (current?.token !== token) return false
    await removeFile(path)
    return true
  } finally {
    for (const claim of claims) await removeFile(claim)
  }
}

/**
 * Removes what killed processes left beside a lock: claims, whose tokens nobody asks for again, and looks at the clock. Only
 * while holding the lock, so that none of them is about the present one.
 *
 * @param names what is in the lock's folder
 */
export async function sweepClaims(path: string, names: readonly string[]): Promise<void> {
  const left = names.filter((name) => name.startsWith(`${basename(path)}.`))
  for (const claim of left.map((name) => join(dirname(path), name))) {
    const record = await readRecord(claim)
    if (record !== undefined && (await isStale(claim, record, STALE_SECONDS))) await removeFile(claim)
  }
}
