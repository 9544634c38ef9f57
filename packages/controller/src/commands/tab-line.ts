/** One line of a list: fields between tabs, in which no character can end the field or the line. */
export function tabLine(fields: readonly string[]): string {
  return `${fields.map((field) => field.replace(/[\p{Cc}\u2028\u2029]+/gu, " ")).join("\t")}\n`
}
