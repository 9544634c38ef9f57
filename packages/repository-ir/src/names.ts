/** The words of a text, whatever lies between them. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

/** Each name with each of the parts behind it. */
export const each = (names: readonly string[], parts: readonly string[]): string[] =>
  names.flatMap((name) => parts.map((part) => `${name}.${part}`))
