import { addConnections } from "./add-connections.ts"
import { ConnectionPool, type EndFirst, type Opened } from "./connection-pool.ts"
import { replaceStragglers } from "./replace-stragglers.ts"
import type { Attempt } from "./transfer-types.ts"

export interface SegmentOptions {
  /** Bytes of the whole file. */
  length: number
  /** Connections at most. */
  most: number
  endFirst?: EndFirst | undefined
}

/**
 * Brings all that a part lacks: over the connection that is open, then, piece by piece, over as many as pay. What a
 * failing connection leaves, the others bring; only when the last one fails is the attempt over.
 */
export async function receiveSegments(job: Attempt, opened: Opened, options: SegmentOptions): Promise<void> {
  const { length, most, endFirst } = options
  const pool = new ConnectionPool(job, length, most)
  const stop = new AbortController()
  const watching =
    most > 1 ? [addConnections, replaceStragglers].map((watch) => watch(pool, job.tuning, stop.signal)) : []
  try {
    await pool.run(opened, endFirst)
  } finally {
    stop.abort()
    await Promise.all(watching)
  }
}
