/** A controller that a signal aborts until it is released. `AbortSignal.any` would leave something in a signal that lives longer, with each call. */
export function stoppedBy(signal: AbortSignal | undefined): { stop: AbortController; release: () => void } {
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener("abort", abort, { once: true })
  if (signal?.aborted === true) abort()
  return { stop, release: () => signal?.removeEventListener("abort", abort) }
}
