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
  const peaks = needs.map(({ fetch, output }) => fetch + output)
  if (keep) return sum(peaks)
  // Of a download that goes nothing remains but its output.
  const grown = needs.map(({ output, freed }) => Math.max(0, output - freed))
  const transient = peaks.map((peak, index) => Math.max(0, peak - (grown[index] ?? 0)))
  return Math.max(0, ...peaks, sum(grown) + (transient.length === 0 ? 0 : Math.min(...transient)))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
