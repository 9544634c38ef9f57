import { interrupted } from "./errors.ts"

/**
 * The work's own end, or at once that of whoever waits for it: the work may go on for others.
 *
 * @throws what the work rejects with; DatamaestroError INTERRUPTED as soon as the signal aborts, whatever becomes of the work
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(interrupted())
  })
  if (signal.aborted) onAbort()
  signal.addEventListener("abort", onAbort, { once: true })
  try {
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener("abort", onAbort)
  }
}
