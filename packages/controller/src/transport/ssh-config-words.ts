/**
 * Takes the arguments of a directive apart as OpenSSH does (argv_split in its misc.c): words end at white space; quotes
 * of either kind keep it, also in the middle of a word; a backslash keeps a quote, a backslash and, outside of quotes,
 * a space; a word that begins with `#` begins a comment.
 *
 * @throws Error for a quote without its end
 */
export function splitConfigWords(text: string): string[] {
  const words: string[] = []
  let at = 0
  for (;;) {
    while (isBlank(text[at])) at++
    if (at >= text.length || text[at] === "#") return words
    const { word, end } = readWord(text, at)
    words.push(word)
    at = end
  }
}

function readWord(text: string, start: number): { word: string; end: number } {
  let word = ""
  let quote: string | undefined
  let at = start
  for (; at < text.length; at++) {
    const character = text[at] ?? ""
    const next = text[at + 1] ?? ""
    const escapes = next === '"' || next === "'" || next === "\\" || (quote === undefined && next === " ")
    if (character === "\\" && next !== "" && escapes) {
      word += next
      at++
    } else if (quote === undefined && isBlank(character)) break
    else if (quote === undefined && (character === '"' || character === "'")) quote = character
    else if (character === quote) quote = undefined
    else word += character
  }
  if (quote !== undefined) throw new Error("a quote has no end")
  return { word, end: at }
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t"
}
