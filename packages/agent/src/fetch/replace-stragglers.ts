import { setTimeout as sleep } from "node:timers/promises"
import type { FetchTuning } from "./fetch-types.ts"
import type { ConnectionPool } from "./connection-pool.ts"
import type { Span } from "./span.ts"

/** A connection that needs so many times as long as another one would is no longer waited for. */
const TIMES = 4
/** What a new connection needs before its first byte, in seconds. */
const SETTLING_SECONDS = 1

/**
 * Asks anew for what a connection has yet to bring, once it is alone or nothing else is left to ask for, and it would need far longer
 * than others did for theirs: one that trickles, or says nothing, would else hold up a file that is nearly there. Ends when told.
 */
export async function replaceStragglers(
  pool: Pick<ConnectionPool, "deliveries" | "hasMore" | "size" | "restOf" | "replace">,
  tuning: Pick<FetchTuning, "stragglerSeconds">,
  signal: AbortSignal,
): Promise<void> {
  const { deliveries } = pool
  // Where the whole line has become slow, a new connection is no better: less and less often.
  let patience = tuning.stragglerSeconds * 1000
  const seen = new Map<Span, { time: number; position: number }>()
  while (!signal.aborted) {
    await sleep((tuning.stragglerSeconds * 1000) / 3, undefined, { signal, ref: false }).catch(() => {})
    const now = performance.now()
    for (const span of seen.keys()) if (!deliveries.spans.includes(span)) seen.delete(span)
    for (const span of deliveries.spans) {
      const before = seen.get(span)
      if (before !== undefined && now - before.time < patience) continue
      seen.set(span, { time: now, position: span.position })
      if (before === undefined || signal.aborted || (pool.hasMore && pool.size > 1)) continue
      const rate = ((span.position - before.position) / (now - before.time)) * 1000
      const rest = pool.restOf(span)
      const typical = deliveries.typicalRate
      const heldUpByStorage = span.waitsSince === undefined
      if (rest <= 0 || heldUpByStorage || typical === 0) continue
      if (rest / rate < TIMES * (rest / typical + SETTLING_SECONDS)) continue
      pool.replace(span)
      patience *= 2
    }
  }
}
