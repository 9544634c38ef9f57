import type { Question } from "./prompter.ts"

/** A server's own words as a question: the last line is asked, what stands before it is told. */
export function serverQuestion(words: string): Pick<Question, "text" | "preface"> {
  const lines = printableLines(words)
  const text = lines.pop()?.trimStart() ?? ""
  return lines.length === 0 ? { text } : { text, preface: lines.join("\n") }
}

/** Its lines without blank ones, and without what would steer the terminal. */
export function printableLines(words: string): string[] {
  const plain = words.replace(/(\u001b\[|\u009b)[0-?]*[ -/]*[@-~]/g, "")
  const lines = plain.split(/[\r\n]+/).map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trimEnd())
  return lines.filter((line) => line !== "")
}
