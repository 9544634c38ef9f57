/** Control characters of a remote machine don't belong on the person's terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, "").trim()
}
