import { MAX_PATH } from "./max-path.ts"

/** Symbolic links by their path relative to the root, with their targets as the archive declares them. */
export type LinkTable = ReadonlyMap<string, { target: string }>

/** As Linux, which follows at most 40 links (path_resolution(7)). */
const MAX_HOPS = 40

/**
 * Why a symbolic link must not be made, or undefined if it stays inside the root.
 *
 * Links are followed through the other links of the same archive: `a/l -> ../..` stays inside when `a` lies deep
 * enough, but `m -> a/b/l/..` leaves through it although its text does not look so.
 */
export function linkEscapes(link: readonly string[], links: LinkTable): string | undefined {
  const own = links.get(link.join("/"))?.target
  if (own === undefined) return undefined
  const current = link.slice(0, -1)
  const refused = reasonAgainst(own)
  if (refused !== undefined) return refused
  const pending = own.split("/").toReversed()
  let hops = 0
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === "" || part === ".") continue
    if (part === "..") {
      if (current.length === 0) return "is a symbolic link that leads outside the dataset's folder"
      current.pop()
      continue
    }
    current.push(part)
    const next = links.get(current.join("/"))?.target
    if (next === undefined) continue
    if (++hops > MAX_HOPS) return "is a symbolic link that leads in a circle"
    const refusedNext = reasonAgainst(next)
    if (refusedNext !== undefined) return refusedNext
    current.pop()
    pending.push(...next.split("/").toReversed())
  }
  return undefined
}

function reasonAgainst(target: string): string | undefined {
  if (target === "" || target.length > MAX_PATH || /[\0\\]/.test(target))
    return "is a symbolic link with a malformed target"
  if (target.startsWith("/") || /^[A-Za-z]:/.test(target)) return "is a symbolic link with an absolute target"
  return undefined
}
