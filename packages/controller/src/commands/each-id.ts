import type { Call } from "./command.ts"

/** Datasets of one call that are worked on side by side. */
const WIDTH = 4

/**
 * Attempts every id and keeps what succeeded, in argument order.
 *
 * @param width how many at once
 * @returns nothing when the only id failed, or none succeeded before an interruption; with several ids those that succeeded, maybe none
 */
export async function eachId<T>(
  ids: readonly string[],
  call: Call,
  attempt: (id: string) => Promise<T>,
  width = WIDTH,
): Promise<T[] | undefined> {
  const results = new Map<number, T>()
  const queue = [...ids.entries()]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [position, id] = next
      try {
        results.set(position, await attempt(id))
      } catch (error) {
        call.fail(error, position)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, ids.length) }, worker))
  if (results.size === 0 && (ids.length === 1 || call.signal.aborted)) return undefined
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result)
}
