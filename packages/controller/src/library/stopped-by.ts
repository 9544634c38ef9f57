/** Who is aborted with each signal: by one listener, since of more than ten Node warns. */
const followers = new WeakMap<AbortSignal, Followers>()

interface Followers {
  readonly stops: Set<AbortController>
  readonly abort: () => void
}

/** A controller that a signal aborts until it is released. `AbortSignal.any` would leave something in a signal that lives longer, with each call. */
export function stoppedBy(signal: AbortSignal | undefined): { stop: AbortController; release: () => void } {
  const stop = new AbortController()
  if (signal === undefined) return { stop, release: () => {} }
  if (signal.aborted) stop.abort(signal.reason)
  const { stops, abort } = followers.get(signal) ?? follow(signal)
  stops.add(stop)
  const release = (): void => {
    stops.delete(stop)
    if (stops.size > 0 || followers.get(signal)?.stops !== stops) return
    followers.delete(signal)
    signal.removeEventListener("abort", abort)
  }
  return { stop, release }
}

function follow(signal: AbortSignal): Followers {
  const stops = new Set<AbortController>()
  const abort = (): void => stops.forEach((stop) => stop.abort(signal.reason))
  const made = { stops, abort }
  followers.set(signal, made)
  signal.addEventListener("abort", abort, { once: true })
  return made
}
