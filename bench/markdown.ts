import type { RowResult } from "./pipeline.ts"

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2)

/** The results as docs/performance.md shows them: a line for each contender, the misses in bold. */
export function markdownTable(rows: readonly RowResult[]): string {
  const lines = [
    "| work | ours, s | peak, MiB | against | theirs, s | ratio | at most |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ]
  for (const { title, results } of rows) {
    const [ours, ...others] = results
    if (ours === undefined) continue
    const memory = ours.peakMemory === undefined ? "" : (ours.peakMemory / 2 ** 20).toFixed(0)
    for (const [index, { name, median, atMost }] of others.entries()) {
      const ratio = ours.median / median
      const shown = atMost !== undefined && ratio > atMost ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2)
      const own = index === 0 ? [title, seconds(ours.median), memory] : ["", "", ""]
      lines.push(`| ${[...own, name.replaceAll("&&", "`&&`"), seconds(median), shown, atMost ?? ""].join(" | ")} |`)
    }
  }
  return lines.join("\n")
}
