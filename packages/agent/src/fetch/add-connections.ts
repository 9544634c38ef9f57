import { setTimeout as sleep } from "node:timers/promises"
import type { FetchTuning } from "./fetch-types.ts"
import type { ConnectionPool } from "./connection-pool.ts"

/** A connection that waits for less of its time is slowed by us, by the disk, or by the line all share. */
const WAITING_SHARE = 0.5
/** Twice the connections must bring this much more. */
const GAIN = 1.2
/** After connections that did not pay. */
const PAUSE_SECONDS = 30
const ANSWER_SECONDS = 5

type Growing = Pick<ConnectionPool, "deliveries" | "size" | "most" | "missing" | "answered" | "grow" | "shrink">

/**
 * Doubles the connections for as long as that pays: when they mostly wait for the network, much is missing, and the
 * last doubling brought something. Ends when told.
 */
export async function addConnections(pool: Growing, tuning: FetchTuning, signal: AbortSignal): Promise<void> {
  const pause = async (seconds: number): Promise<void> => {
    await sleep(seconds * 1000, undefined, { signal, ref: false }).catch(() => {})
  }
  while (!signal.aborted) {
    const before = await measure(pool, () => pause(tuning.probeSeconds))
    const { size } = pool
    if (signal.aborted || size === 0) return
    if (size >= pool.most) {
      await pause(PAUSE_SECONDS)
      continue
    }
    const rest = pool.missing / Math.max(1, before.rate)
    if (before.waiting < WAITING_SHARE || rest < tuning.worthSeconds) continue
    const answered = pool.answered
    const added = await pool.grow(size)
    if (added === 0) {
      await pause(PAUSE_SECONDS)
      continue
    }
    const asked = performance.now()
    const waitsForAnswers = (): boolean =>
      !signal.aborted && pool.answered < answered + added && performance.now() - asked < ANSWER_SECONDS * 1000
    while (waitsForAnswers()) await pause(0.02)
    // A line with long ways needs as long again to come to speed.
    const settling = Math.max(tuning.probeSeconds, (3 * (performance.now() - asked)) / 1000)
    const after = await measure(pool, () => pause(settling))
    if (signal.aborted) return
    if (after.rate >= before.rate * GAIN) continue
    pool.shrink(size)
    await pause(PAUSE_SECONDS)
  }
}

/** Bytes a second, and the share of their time that connections waited, during `meanwhile`. */
async function measure(
  pool: Pick<ConnectionPool, "deliveries" | "size">,
  meanwhile: () => Promise<void>,
): Promise<{ rate: number; waiting: number }> {
  const { deliveries } = pool
  const began = { time: performance.now(), bytes: deliveries.received, waited: deliveries.waited }
  await meanwhile()
  const elapsed = Math.max(1, performance.now() - began.time)
  return {
    rate: ((deliveries.received - began.bytes) / elapsed) * 1000,
    waiting: (deliveries.waited - began.waited) / elapsed / Math.max(1, pool.size),
  }
}
