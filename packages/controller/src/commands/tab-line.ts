import { REORDERING } from "../reporter/sanitize.ts"

/** One line of a list: fields between tabs, in which no character can end the field or the line, or turn it round. */
export function tabLine(fields: readonly string[]): string {
  const plain = fields.map((field) => field.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").replace(REORDERING, "\uFFFD"))
  return `${plain.join("\t")}\n`
}
