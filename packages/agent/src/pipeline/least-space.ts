/** What one resource takes of the disk, in bytes and as far as is known: everything is at least so much. */
export interface SpaceNeed {
  /** What its downloads still lack. */
  fetch: number
  /** What is made of them, beside them. */
  output: number
  /** What of its downloads is there already, and goes once its output is in place. */
  freed: number
  /** Files of the output, where they are known. */
  files: number
}

/**
 * Bytes that must be free for all of it, whatever the order and however much runs side by side: the largest alone must
 * fit, and so must the last one to be made, beside all others' outputs.
 *
 * @param keep downloads stay
 */
export function leastSpace(needs: readonly SpaceNeed[], keep: boolean): number {
  let [all, largest, grown, transient] = [0, 0, 0, Infinity]
  for (const { fetch, output, freed } of needs) {
    const peak = fetch + output
    // Of a download that goes nothing remains but its output.
    const remaining = Math.max(0, output - freed)
    all += peak
    largest = Math.max(largest, peak)
    grown += remaining
    transient = Math.min(transient, Math.max(0, peak - remaining))
  }
  if (keep || needs.length === 0) return all
  return Math.max(largest, grown + transient)
}
