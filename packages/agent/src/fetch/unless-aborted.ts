import { interrupted } from "@datamaestro/protocol"

/** @throws what `result` rejects with; DatamaestroError INTERRUPTED as soon as `signal` aborts, whatever becomes of it */
export async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw interrupted()
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(interrupted())
    signal.addEventListener("abort", onAbort, { once: true })
  })
  try {
    return await Promise.race([result, aborted])
  } finally {
    signal.removeEventListener("abort", onAbort)
  }
}
