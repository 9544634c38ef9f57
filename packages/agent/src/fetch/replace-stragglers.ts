import { setTimeout as sleep } from "node:timers/promises"
import type { FetchTuning } from "./fetch-types.ts"
import type { ConnectionPool } from "./segments.ts"
import type { Span } from "./span.ts"

/** A connection that needs so many times as long as another one would is no longer waited for. */
const TIMES = 4
/** What a new connection needs before its first byte, in seconds. */
const SETTLING_SECONDS = 1

/**
 * Asks anew for what a connection has yet to bring, once it is alone or nothing else is left to ask for, and it would need far longer
 * than others did for theirs: one that trickles, or says nothing, would else hold up a file that is nearly there. Ends when told.
 */
export async function replaceStragglers(pool: ConnectionPool, tuning: FetchTuning, signal: AbortSignal): Promise<void> {
  // Where the whole line has become slow, a new connection is no better: less and less often.
  let patience = tuning.stragglerSeconds * 1000
  const seen = new Map<Span, { time: number; position: number }>()
  while (!signal.aborted) {
    await sleep((tuning.stragglerSeconds * 1000) / 3, undefined, { signal, ref: false }).catch(() => {})
    const now = performance.now()
    for (const span of seen.keys()) if (!pool.spans.includes(span)) seen.delete(span)
    for (const span of pool.spans) {
      const before = seen.get(span)
      if (before !== undefined && now - before.time < patience) continue
      seen.set(span, { time: now, position: span.position })
      if (before === undefined || signal.aborted || (pool.hasMore && pool.size > 1)) continue
      const rate = ((span.position - before.position) / (now - before.time)) * 1000
      const rest = pool.restOf(span)
      // Held up by the storage, if it does not wait for the network now.
      if (rest <= 0 || span.waitsSince === undefined || pool.typicalRate === 0) continue
      if (rest / rate < TIMES * (rest / pool.typicalRate + SETTLING_SECONDS)) continue
      pool.replace(span)
      patience *= 2
    }
  }
}
