// C0 and C1 controls, and the marks that reorder or hide text (Unicode UAX #9, "Trojan Source").
const UNSAFE = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060\u2066-\u2069\ufeff]/gu

/** Of these, what turns round the text behind it. */
export const REORDERING = /[\u202a-\u202e\u2066-\u2069]/g

/** One line of text from elsewhere that can neither move the cursor nor pretend to be another line. */
export function sanitizeLine(text: string): string {
  return text.replace(/[\r\n\t]+/g, " ").replace(UNSAFE, "\uFFFD")
}

/** The same for text that may have several lines, e.g. an error's message. */
export function sanitizeText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replaceAll("\t", "  ").replace(UNSAFE, "\uFFFD"))
    .join("\n")
}
