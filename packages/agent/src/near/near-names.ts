/**
 * The known names that were most likely meant, best first: those that contain the typed one, then those within a
 * few slips of it, compared as a whole and by as many last parts as were typed.
 *
 * @param separator what parts the names: "." of ids, "/" of paths
 */
export function nearNames(typed: string, known: Iterable<string>, { limit = 3, separator = "." } = {}): string[] {
  const wanted = typed.toLowerCase()
  const partCount = wanted.split(separator).length
  const mostSlips = Math.max(wanted.length > 4 ? 2 : 1, wanted.length / 3)
  return [...known]
    .map((name) => {
      const whole = name.toLowerCase()
      const tail = whole.split(separator).slice(-partCount).join(separator)
      const near = [whole, tail].filter((other) => Math.abs(other.length - wanted.length) <= mostSlips)
      const slips = near.map((other) => editDistance(wanted, other))
      return { name, score: whole.includes(wanted) ? 0.5 : Math.min(...slips) }
    })
    .filter(({ score }) => score <= mostSlips)
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name }) => name)
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
