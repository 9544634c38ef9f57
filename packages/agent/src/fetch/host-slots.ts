/** How many connections one server ever gets from this process, over all its files. */
export const MOST_CONNECTIONS = 16

const taken = new Map<string, number>()

/** Takes a place among a server's connections; `undefined` when it has as many as is polite. Call the result once. */
export function takeSlot(host: string): (() => void) | undefined {
  const count = taken.get(host) ?? 0
  if (count >= MOST_CONNECTIONS) return undefined
  return addSlot(host)
}

/** The same for the connection without which there is no download: it counts, but is never refused. */
export function addSlot(host: string): () => void {
  taken.set(host, (taken.get(host) ?? 0) + 1)
  return () => {
    const left = (taken.get(host) ?? 1) - 1
    if (left === 0) taken.delete(host)
    else taken.set(host, left)
  }
}
