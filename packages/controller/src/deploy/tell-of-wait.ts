import type { SessionEvent } from "../session/session.ts"

/** After so long without a sign of what was started there a person wonders, in milliseconds. */
const PATIENCE = 5000

/**
 * Says what is waited for, once, unless something of ours speaks before.
 *
 * @returns to be called when it does, or is given up
 */
export function tellOfWait(label: string, limit: number, onEvent: (event: SessionEvent) => void): () => void {
  if (limit <= PATIENCE) return () => undefined
  const timer = setTimeout(() => {
    const message = `The agent does not run on "${label}" yet: waiting for the start-up files there, or the search for Node, up to ${Math.round(limit / 1000)} s`
    onEvent({ phase: "notice", level: "info", message })
  }, PATIENCE)
  return () => clearTimeout(timer)
}
