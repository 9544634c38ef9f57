import { interrupted } from "@datamaestro/protocol"

/** How long agents may take to answer a cancellation, and a session to close, in milliseconds. */
export const CANCEL_GRACE = 1500
export const CLOSE_GRACE = 400

/**
 * The work's own end, or INTERRUPTED when it has not ended `grace` milliseconds after the signal aborted:
 * a machine that no longer answers must not hold up the person who has pressed Ctrl-C.
 */
export async function unlessAbandoned<T>(work: Promise<T>, signal: AbortSignal, grace: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let onAbort = (): void => {}
  const abandoned = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(interrupted()), grace)
    }
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener("abort", onAbort, { once: true })
  try {
    return await Promise.race([work, abandoned])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", onAbort)
  }
}
