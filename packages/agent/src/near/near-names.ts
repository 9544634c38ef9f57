/**
 * The known names that were most likely meant, best first: those that contain the typed one, then those within a
 * few slips of it, compared as a whole and by as many last parts as were typed.
 *
 * @param separator what parts the names: "." of ids, "/" of paths
 */
export function nearNames(typed: string, known: Iterable<string>, { limit = 3, separator = "." } = {}): string[] {
  const wanted = typed.toLowerCase()
  const parts = wanted.split(separator)
  const near: { name: string; score: number }[] = []
  for (const name of known) {
    const whole = name.toLowerCase()
    const most = mostSlips(parts, whole.split(separator))
    const tail = whole.split(separator).slice(-parts.length).join(separator)
    const comparable = [whole, tail].filter((other) => Math.abs(other.length - wanted.length) <= most)
    const slips = Math.min(...comparable.map((other) => editDistance(wanted, other)))
    if (whole.includes(wanted)) near.push({ name, score: 0.5 })
    else if (slips <= most) near.push({ name, score: slips })
  }
  near.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
  return near.slice(0, limit).map(({ name }) => name)
}

/** A third of what was typed, save for the first parts that both have: those say nothing of what was meant. */
function mostSlips(typed: readonly string[], other: readonly string[]): number {
  const differing = typed.findIndex((part, index) => part !== other[index])
  const rest = typed.slice(differing < 0 ? 0 : differing).join(".").length
  return Math.max(rest > 4 ? 2 : 1, rest / 3)
}

/** Levenshtein's distance: how many insertions, deletions and replacements turn one word into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
