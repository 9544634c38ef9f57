import { Readable } from "node:stream"
import { expect } from "chai"
import { readPrintedLines } from "../../../packages/agent/src/step/printed-lines.ts"

describe("readPrintedLines", () => {
  const linesOf = async (chunks: readonly (string | Uint8Array)[]): Promise<string[]> => {
    const lines: string[] = []
    await readPrintedLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk as string))), (line) =>
      lines.push(line),
    )
    return lines
  }

  it("hands over whole lines, without empty ones, and what has no end at the end", async () => {
    expect(await linesOf(["one begins, ", "goes on\r\n\nand ", "50 %\r100 %\nlast words"])).to.deep.equal([
      "one begins, goes on",
      "and 50 %",
      "100 %",
      "last words",
    ])
  })

  it("joins characters that are cut, and cuts lines that nobody can read", async () => {
    const bytes = Buffer.from("grün\n")
    const lines = await linesOf([bytes.subarray(0, 3), bytes.subarray(3), "x".repeat(1_000_000)])
    expect(lines).to.deep.equal(["grün", "x".repeat(2000)])
  })
})
