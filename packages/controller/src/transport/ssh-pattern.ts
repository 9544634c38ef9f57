/** Whether `text` is like `pattern`, in which `*` stands for any characters and `?` for one (ssh_config(5), PATTERNS). */
export function matchesPattern(text: string, pattern: string): boolean {
  let source = "^"
  for (const character of pattern) {
    if (character === "*") source += ".*"
    else if (character === "?") source += "."
    else source += character.replace(/[\\^$.|+()[\]{}]/g, "\\$&")
  }
  return new RegExp(`${source}$`, "su").test(text)
}

/**
 * Whether one of the patterns matches and none of those that begin with `!` does: a match of a negated pattern
 * refuses whatever the others say.
 */
export function matchesPatternList(text: string, patterns: readonly string[]): boolean {
  let found = false
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!")
    if (!matchesPattern(text, negated ? pattern.slice(1) : pattern)) continue
    if (negated) return false
    found = true
  }
  return found
}
