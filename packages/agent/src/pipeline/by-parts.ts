/** Paths in the order of their parts, as a listing of folders gives them. */
export function byParts(one: string, other: string): number {
  const [a, b] = [one.split("/"), other.split("/")]
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left = "", right = ""] = [a[index], b[index]]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}
