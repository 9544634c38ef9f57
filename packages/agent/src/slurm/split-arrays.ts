/** A job, with so many tasks that help it in the same array. */
export interface ArrayPart<Job> {
  job: Job
  helpers: number
}

/**
 * Spreads jobs over as few arrays as their order allows. A job's helpers stay with it; those for which an array has no
 * room are left out, since they only make it faster.
 *
 * @param most tasks that an array may have, at least 1
 */
export function splitArrays<Job extends { helpers: number }>(jobs: readonly Job[], most: number): ArrayPart<Job>[][] {
  const arrays: ArrayPart<Job>[][] = []
  let room = 0
  for (const job of jobs) {
    const helpers = Math.min(job.helpers, most - 1)
    if (1 + helpers > room) {
      arrays.push([])
      room = most
    }
    arrays.at(-1)?.push({ job, helpers })
    room -= 1 + helpers
  }
  return arrays
}
