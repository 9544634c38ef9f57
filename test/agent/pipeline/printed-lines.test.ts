import { expect } from "chai"
import { withPrintedLines } from "../../../packages/agent/src/pipeline/printed-lines.ts"

describe("withPrintedLines", () => {
  const collect = async (run: () => Promise<void>): Promise<string[]> => {
    const lines: string[] = []
    await withPrintedLines((line) => lines.push(line), run)
    return lines
  }
  const write = (stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> =>
    new Promise((resolve) => void stream.write(text, () => resolve()))

  it("knows whose line it is, of several that print at the same time", async () => {
    const [first, second] = await Promise.all(
      ["one", "two"].map((name) =>
        collect(async () => {
          await write(process.stdout, `${name} begins, `)
          await write(process.stderr, `goes on\r\nand `)
          process.stdout.write(`${name} ends`)
        }),
      ),
    )
    expect(first).to.deep.equal(["one begins, goes on", "and one ends"])
    expect(second).to.deep.equal(["two begins, goes on", "and two ends"])
  })

  it("joins characters that are cut, and cuts lines that nobody can read", async () => {
    const bytes = Buffer.from("grün\n")
    const lines = await collect(async () => {
      await write(process.stdout, bytes.subarray(0, 3))
      await write(process.stdout, bytes.subarray(3))
      await write(process.stdout, "x".repeat(1_000_000))
    })
    expect(lines).to.deep.equal(["grün", "x".repeat(2000)])
  })

  it("hands over what was printed before a failure", async () => {
    const lines: string[] = []
    const failing = withPrintedLines(
      (line) => lines.push(line),
      async () => {
        process.stdout.write("last words")
        throw new Error("no")
      },
    )
    expect(await failing.catch((error: Error) => error.message)).to.equal("no")
    expect(lines).to.deep.equal(["last words"])
  })
})
