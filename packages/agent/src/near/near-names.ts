/**
 * The known ids that were most likely meant, best first: those that contain the typed one, then those within a
 * few slips of it, compared as a whole and by as many last parts as were typed.
 */
export function nearIds(typed: string, known: Iterable<string>, limit = 3): string[] {
  const wanted = typed.toLowerCase()
  const partCount = wanted.split(".").length
  return [...known]
    .map((id) => {
      const whole = id.toLowerCase()
      const tail = whole.split(".").slice(-partCount).join(".")
      const slips = Math.min(editDistance(wanted, whole), editDistance(wanted, tail))
      return { id, score: whole.includes(wanted) ? 0.5 : slips }
    })
    .filter(({ score }) => score <= Math.max(wanted.length > 4 ? 2 : 1, wanted.length / 3))
    .sort((a, b) => a.score - b.score || (a.id < b.id ? -1 : 1))
    .slice(0, limit)
    .map(({ id }) => id)
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
