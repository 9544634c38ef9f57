/**
 * One word of a command line that sh, bash, dash, zsh, fish, csh, tcsh and busybox read the same way.
 *
 * Single quotes hold everything save a few characters that some shell reads even there: `!` (csh history),
 * a backslash (fish), and a line end (csh). A single quote is closed, escaped, and opened again.
 *
 * @throws RangeError when the word holds such a character
 */
export function quoteWord(word: string): string {
  if (!isQuotable(word)) throw new RangeError("the word holds a character that not every shell can quote")
  return `'${word.replaceAll("'", "'\\''")}'`
}

export function isQuotable(word: string): boolean {
  return !/[!\\\r\n\0]/.test(word)
}
