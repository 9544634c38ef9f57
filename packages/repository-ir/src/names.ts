/** The words of a text, whatever lies between them. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

/** Each name with each of the parts behind it. */
export const each = (names: readonly string[], parts: readonly string[]): string[] =>
  names.flatMap((name) => parts.map((part) => `${name}.${part}`))

/** Names below a prefix, given as the words of a text. */
export const under = (prefix: string, names: string | readonly string[]): string[] =>
  (typeof names === "string" ? words(names) : names).map((name) => `${prefix}.${name}`)
