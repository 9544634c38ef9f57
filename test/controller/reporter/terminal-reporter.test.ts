import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import type { ReporterStream } from "../../../packages/controller/src/reporter/reporter.ts"
import { TerminalReporter } from "../../../packages/controller/src/reporter/terminal-reporter.ts"
import { until } from "../../helpers/job-lab.ts"
import { terminalScreen } from "../../helpers/terminal-screen.ts"
import { textStream } from "../../helpers/text-stream.ts"

const download = (resource: string, bytes: number) =>
  ({ phase: "download", dataset: "d", resource, url: "http://h", bytes, total: 1000 }) as const

function reporterOn(stream: ReporterStream): TerminalReporter {
  return new TerminalReporter({ stream, debug: false, traceback: false, color: false })
}

const afterRedraw = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250))

describe("bars on a terminal", () => {
  it("show work while it goes on, and leave one line when it is done", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    reporter.event(download("r", 500))
    await afterRedraw()
    expect(stream.text).to.contain("r downloading").and.contain("50 %")
    reporter.event({ phase: "resource", dataset: "d", resource: "r", how: "downloaded", bytes: 1000 })
    reporter.end()
    expect(stream.text).to.match(/d r: downloaded, 1\.0 kB on disk\n$/)
    // A cursor that is hidden stays so after Ctrl-Z and SIGKILL.
    expect(stream.text).not.to.contain("\u001b[?25l")
  })

  it("are preceded by warnings in yellow and details in grey, where colours are wanted", () => {
    for (const color of [true, false]) {
      const stream = textStream({ columns: 80, rows: 24 })
      const reporter = new TerminalReporter({ stream, debug: true, traceback: false, color })
      for (const level of ["warning", "debug", "info"] as const) {
        reporter.event({ phase: "notice", level, message: `a ${level}` })
      }
      reporter.end()
      const escapes = stream.text.match(/\u001b\[\d+m/g) ?? []
      expect(escapes).to.deep.equal(color ? ["\u001b[33m", "\u001b[0m", "\u001b[2m", "\u001b[0m"] : [])
    }
  })

  it("take little of a connection where thousands of resources come and go", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    const ended = (resource: string) => ({ phase: "resource", dataset: "d", resource, how: "downloaded" }) as const
    for (let index = 0; index < 2000; index++) {
      reporter.event(download(`r${index}`, 1))
      if (index >= 30) reporter.event(ended(`r${index - 30}`))
    }
    expect(stream.text.length).to.be.below(400_000)
    await afterRedraw()
    const shown = stream.text.slice(-2500)
    expect(shown).to.contain("r1975 downloading").and.not.contain("r1900 ")
    reporter.end()
    reporter.event({ phase: "dataset", dataset: "d", state: "done" })
    expect(stream.text).to.match(/d: done, 1970 resources\n$/)
  })

  it("are preceded by what has begun, where nothing else is told of it for long", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    for (const dataset of ["a", "d"]) reporter.event({ phase: "dataset", dataset, state: "started" })
    reporter.event(download("r", 1))
    await until(() => stream.text.includes("a: preparing"))
    reporter.end()
    expect(stream.text).not.to.contain("d: preparing")
  })

  it("are not followed by what had begun and has failed since", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    // Begun first, so that it would be told of first.
    for (const dataset of ["a", "d"]) reporter.event({ phase: "dataset", dataset, state: "started" })
    reporter.error(new DatamaestroError("DOWNLOAD_FAILED", "Cannot", { details: { dataset: "a" } }))
    await until(() => stream.text.includes("d: preparing"))
    reporter.end()
    expect(stream.text).not.to.contain("a: preparing")
  })

  it("are whole where the terminal does not know its size", async () => {
    const stream = textStream({ columns: 0, rows: 0 })
    const reporter = reporterOn(stream)
    reporter.event(download("r", 500))
    await afterRedraw()
    reporter.end()
    expect(stream.text).to.contain("r downloading").and.contain("50 %")
  })

  it("show the download, with its pace, while what comes is extracted along with it, and then the extraction", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    const extract = { phase: "extract", dataset: "d", resource: "r", bytes: 100, files: 2 } as const
    for (const bytes of [100, 200, 300, 400]) {
      reporter.event(download("r", bytes))
      reporter.event(extract)
      await afterRedraw()
    }
    expect(stream.text).to.contain("40 %").and.match(/B\/s/).and.not.contain("extracting")
    reporter.event(download("r", 1000))
    reporter.event(extract)
    await afterRedraw()
    reporter.end()
    expect(stream.text).to.contain("r extracting")
  })

  it("show the extraction beside a download that tells nothing any more", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    reporter.event(download("r", 400))
    await until(() => {
      reporter.event({ phase: "extract", dataset: "d", resource: "r", bytes: 100, files: 2 })
      return stream.text.includes("r extracting")
    })
    reporter.end()
  })

  it("go with the dataset that fails, not with others", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    reporter.event(download("doomed", 500))
    reporter.event({ ...download("other", 500), dataset: "e" })
    await afterRedraw()
    reporter.error(
      new DatamaestroError("TRUNCATED", "too short", { details: { dataset: "d", resource: "doomed" } }),
      "cluster",
    )
    const told = stream.text.length
    await afterRedraw()
    reporter.end()
    expect(stream.text.slice(told)).to.contain("other downloading").and.not.contain("doomed downloading")
  })

  it("show that a download waits for its next attempt, for how long, and then its pace anew", async () => {
    const screen = terminalScreen(80)
    const reporter = reporterOn(screen)
    const retry = { phase: "retry", dataset: "d", url: "http://h", attempt: 1, reason: "it broke off" } as const
    const bars = (): string => screen.lines.filter((line) => !line.startsWith("d ")).join("\n")
    reporter.event(download("r", 100))
    await afterRedraw()
    reporter.event(download("r", 200))
    await until(() => bars().includes("B/s") || (reporter.event(download("r", 300)), false))
    reporter.event({ ...retry, resource: "r", delay: 30 })
    // The first attempt of this one brought nothing.
    reporter.event({ ...retry, resource: "s", delay: 0 })
    await afterRedraw()
    expect(bars()).to.match(/^r waiting .* 30 % {2}300 B\/1\.0 kB {2}again in (29|30) s\ns waiting +trying again$/)
    await until(() => bars().includes("again in 29 s"))
    reporter.event(download("r", 400))
    await afterRedraw()
    expect(bars()).to.match(/^r downloading .* 40 % {2}400 B\/1\.0 kB\ns waiting/)
    reporter.end()
  })

  it("never draw more bars than the terminal has lines", async () => {
    const stream = textStream({ columns: 80, rows: 5 })
    const reporter = reporterOn(stream)
    for (let index = 0; index < 20; index++) reporter.event(download(`r${index}`, 1))
    await afterRedraw()
    reporter.end()
    const drawn = new Set(stream.text.match(/r\d+ downloading/g))
    expect([...drawn]).to.deep.equal(["r0 downloading", "r1 downloading", "r2 downloading"])
  })

  it("stand still while a question stands, and nothing told meanwhile is lost", async () => {
    const stream = textStream({ columns: 80, rows: 24 })
    const reporter = reporterOn(stream)
    reporter.event(download("r", 1))
    reporter.pause()
    const before = stream.text
    reporter.event(download("r", 500))
    reporter.event({ phase: "notice", level: "warning", message: "kept" })
    await afterRedraw()
    expect(stream.text).to.equal(before)
    reporter.resume()
    await afterRedraw()
    reporter.end()
    expect(stream.text).to.contain("warning: kept").and.contain("50 %")
  })

  it("print errors whole above the bars", () => {
    const stream = textStream({ columns: 20, rows: 24 })
    const reporter = reporterOn(stream)
    reporter.event(download("r", 1))
    reporter.error(new DatamaestroError("UNREACHABLE", `Cannot reach ${"x".repeat(60)}`), "h")
    reporter.end()
    expect(stream.text).to.contain("x".repeat(60)).and.contain("  on: h")
  })
})
