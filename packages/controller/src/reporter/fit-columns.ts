import stringWidth from "string-width"

const graphemes = new Intl.Segmenter()

/** As much of the beginning as a terminal shows in so many columns; of Chinese or Japanese a character takes two. */
export function firstColumns(text: string, columns: number): string {
  return takeColumns(segmentsOf(text), columns).join("")
}

/** The text, or its beginning and its end: what names of one dataset differ in mostly stands at their end. */
export function fitColumns(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  const room = Math.max(0, columns - 1)
  const start = firstColumns(text, Math.floor(room / 3))
  const end = takeColumns(segmentsOf(text).toReversed(), room - stringWidth(start))
  return `${start}…${end.toReversed().join("")}`
}

/** The text with spaces behind it, up to so many columns. */
export function padColumns(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)))
}

function segmentsOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment)
}

function takeColumns(segments: readonly string[], columns: number): string[] {
  let width = 0
  const end = segments.findIndex((segment) => (width += stringWidth(segment)) > columns)
  return end === -1 ? [...segments] : segments.slice(0, end)
}
