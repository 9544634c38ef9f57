import { interrupted } from "@datamaestro/protocol"

/**
 * The work's own end, or at once that of whoever waits for it: the work goes on for others.
 *
 * @throws DatamaestroError INTERRUPTED when the signal aborts first
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
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener("abort", onAbort)
  }
}
