import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { createReporter } from "../../../packages/controller/src/reporter/create-reporter.ts"
import { textStream } from "../../helpers/text-stream.ts"

const choice = { json: false, quiet: false, debug: false, traceback: false }
const failure = new DatamaestroError("NO_SPACE", 'Cannot write "/d/x": no space left', {
  hint: "free 2 GB",
  details: { path: "/d/x" },
  cause: new Error("ENOSPC", { cause: new Error("disk") }),
})
const started = { phase: "dataset", dataset: "d", state: "started" } as const

describe("the choice of a reporter", () => {
  it("is plain lines where there is no terminal, or a dumb one", async () => {
    const pipe = textStream()
    ;(await createReporter(choice, pipe, {})).event(started)
    expect(pipe.text).to.equal("d: preparing\n")
    const dumb = textStream({ columns: 80, rows: 24 })
    ;(await createReporter(choice, dumb, { TERM: "dumb" })).event(started)
    expect(dumb.text).to.equal("d: preparing\n")
  })

  it("is errors only when quiet", async () => {
    const stream = textStream()
    const reporter = await createReporter({ ...choice, quiet: true }, stream, {})
    reporter.event(started)
    reporter.error(failure)
    expect(stream.text).to.equal('error: Cannot write "/d/x": no space left\n  hint: free 2 GB\n')
  })

  it("is JSON lines, each an object of its own", async () => {
    const stream = textStream()
    const reporter = await createReporter({ ...choice, json: true }, stream, {})
    reporter.event(started, "h")
    reporter.error(failure, "h")
    expect(
      stream.text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).to.deep.equal([
      { type: "progress", host: "h", ...started },
      {
        type: "error",
        host: "h",
        code: "NO_SPACE",
        exit: 6,
        message: 'Cannot write "/d/x": no space left',
        hint: "free 2 GB",
        details: { path: "/d/x" },
      },
    ])
  })

  it("tells an error's machine, its facts and causes with --debug, its stack with --traceback", async () => {
    const stream = textStream()
    const reporter = await createReporter({ ...choice, quiet: true, debug: true, traceback: true }, stream, {})
    reporter.error(failure, "cluster")
    for (const part of [
      "  on: cluster\n",
      "  code: NO_SPACE\n",
      "  path: /d/x\n",
      "  cause: ENOSPC\n",
      "  cause: disk\n",
    ]) {
      expect(stream.text).to.contain(part)
    }
    expect(stream.text)
      .to.match(/\n {2}DatamaestroError: .*\n.*at /)
      .and.to.contain("caused by: Error: ENOSPC")
  })

  it("asks for a report of what was not foreseen", async () => {
    const stream = textStream()
    const reporter = await createReporter(choice, stream, {})
    reporter.error(new DatamaestroError("UNEXPECTED", "x is undefined"))
    expect(stream.text).to.match(/hint: .*report/)
  })

  it("colors on a terminal, unless NO_COLOR says otherwise", async () => {
    for (const [environment, colored] of [
      [{}, true],
      [{ NO_COLOR: "1" }, false],
      [{ NO_COLOR: "" }, true],
    ] as const) {
      const stream = textStream({ columns: 80, rows: 24 })
      ;(await createReporter(choice, stream, environment)).error(failure)
      expect(stream.text.includes("\u001b[31;1merror:")).to.equal(colored)
    }
  })
})
