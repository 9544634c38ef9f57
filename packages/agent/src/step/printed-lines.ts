import { StringDecoder } from "node:string_decoder"
import type { Readable } from "node:stream"

/** What somebody can read; more would only burden the connection. */
const LONGEST = 2000

/** Hands over, line by line, what a thread prints; fulfilled when nothing more comes. */
export async function readPrintedLines(printed: Readable, onLine: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8")
  let rest = ""
  const take = (text: string): void => {
    const lines = (rest + text).split(/\r?\n|\r/)
    rest = (lines.pop() ?? "").slice(0, LONGEST)
    for (const line of lines) if (line !== "") onLine(line.slice(0, LONGEST))
  }
  for await (const chunk of printed) take(decoder.write(chunk as Buffer))
  take(`${decoder.end()}\n`)
}
