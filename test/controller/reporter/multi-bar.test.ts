import type { MultiBar } from "cli-progress"
import { expect } from "chai"
import { multiBar } from "../../../packages/controller/src/reporter/multi-bar.ts"
import { terminalScreen, type TerminalScreen } from "../../helpers/terminal-screen.ts"

const told = `told_${"x".repeat(60)}`

/** Three bars, as wide as bars become. */
function threeBars(screen: TerminalScreen): MultiBar {
  const bars = multiBar<{ name: string }>(screen, ({ name }) => name.padEnd((screen.columns ?? 80) - 3, "."))
  for (const name of ["one", "two", "three"]) bars.create(1, 0, { name })
  bars.update()
  return bars
}

describe("bars in a terminal that is made narrower", () => {
  it("leave no piece of themselves, and take nothing away", () => {
    const screen = terminalScreen(80)
    screen.write(`${told}\n`)
    const bars = threeBars(screen)
    for (const columns of [80, 50, 40, 70, 45, 100]) {
      screen.resize(columns)
      bars.update()
      const seen = screen.lines.slice(-3).map((line) => line.split(".")[0])
      expect(seen, `${columns} columns`).to.deep.equal(["one", "two", "three"])
      expect(screen.lines.slice(0, -3).join(""), `${columns} columns`).to.equal(told)
    }
    bars.stop()
  })

  it("leave none when they end before they are drawn again", () => {
    const screen = terminalScreen(80)
    screen.write(`${told}\n`)
    const bars = threeBars(screen)
    screen.resize(40)
    bars.stop()
    expect(screen.lines.join("")).to.equal(told)
  })

  it("leave none to scroll back to when they began in the screen's first row", () => {
    const screen = terminalScreen(80)
    const bars = threeBars(screen)
    screen.resize(40)
    bars.update()
    expect(screen.lines.map((line) => line.split(".")[0])).to.deep.equal(["one", "two", "three"])
    bars.stop()
  })

  it("leave a line that is told meanwhile whole", () => {
    const screen = terminalScreen(80)
    screen.write(`${told}\n`)
    const bars = threeBars(screen)
    screen.resize(40)
    bars.log("and this\n")
    bars.update()
    bars.stop()
    expect(screen.lines.join("")).to.equal(`${told}and this`)
  })
})

describe("bars after Ctrl-Z and fg", () => {
  const kill = process.kill
  afterEach(() => (process.kill = kill))

  it("stand below what the shell has shown meanwhile", () => {
    const screen = terminalScreen(80)
    const bars = threeBars(screen)
    process.kill = (_pid, signal) => {
      expect(signal).to.equal("SIGTSTP")
      expect(process.listenerCount("SIGTSTP")).to.equal(0)
      // As the terminal and bash write it, around a command.
      screen.write("^Z\n[1]+  Stopped\n$ echo hello\nhello\n$ fg\ndatamaestro\n")
      return true
    }
    process.emit("SIGTSTP", "SIGTSTP")
    for (const _ of [1, 2]) bars.update()
    const seen = screen.lines.map((line) => line.split(".")[0])
    const shell = ["three", "[1]+  Stopped", "$ echo hello", "hello", "$ fg", "datamaestro"]
    expect(seen).to.deep.equal(["one", "two", ...shell, "one", "two", "three"])
    bars.stop()
    expect(screen.lines.at(-2)).to.equal("datamaestro")
    expect(process.listenerCount("SIGTSTP")).to.equal(0)
  })
})
