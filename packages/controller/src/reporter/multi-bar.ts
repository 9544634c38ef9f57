import { MultiBar } from "cli-progress"
import stringWidth from "string-width"
import type { ReporterStream } from "./reporter.ts"

/** Not from the beginning of the row: where that is the screen's, tmux keeps what is cleared, to be scrolled back to. */
const CLEAR_BELOW = "\u001b[2K \u001b[J\r"

/**
 * Bars at the bottom of a terminal. cli-progress goes back as many rows as it drew lines; a terminal that was made
 * narrower has wrapped them into more, which are gone back over here so that no piece of them is left.
 *
 * @param lineOf what is to be seen of a bar's payload, narrower than the terminal
 */
export function multiBar<Payload>(stream: ReporterStream, lineOf: (payload: Payload) => string): MultiBar {
  let drawn: string[] = []
  const bars = new MultiBar({
    stream,
    fps: 10,
    clearOnComplete: true,
    // A hidden cursor stays so after Ctrl-Z and a kill.
    hideCursor: false,
    // Wrapping stays on, for the lines above the bars; a bar's own line never reaches the edge.
    linewrap: true,
    forceRedraw: true,
    format: (_options, _params, payload: Payload) => {
      const line = lineOf(payload)
      drawn.push(line)
      return line
    },
  })
  const clearWrapped = (): void => {
    const width = widthOf(stream)
    const rows = drawn.map((line) => Math.ceil(stringWidth(line) / width))
    const wrapped = rows.reduce((sum, count) => sum + Math.max(0, count - 1), 0)
    drawn = []
    if (wrapped > 0) stream.write(`\u001b[${wrapped}A${CLEAR_BELOW}`)
  }
  // Ctrl-Z: once it goes on, the bars are somewhere above what the shell has shown meanwhile, and cli-progress goes back
  // from here. Nothing of this process runs until then, so that no bar is drawn before.
  const suspend = (): void => {
    process.off("SIGTSTP", suspend)
    process.kill(process.pid, "SIGTSTP")
    process.on("SIGTSTP", suspend)
    stream.write("\n".repeat(Math.max(0, drawn.length - 1)))
    drawn = []
  }
  process.on("SIGTSTP", suspend)
  bars.on("redraw-pre", clearWrapped)
  bars.on("stop-pre-clear", clearWrapped)
  bars.on("stop", () => process.off("SIGTSTP", suspend))
  return bars
}

/** In columns. A terminal that does not know its width says 0. */
export function widthOf({ columns = 0 }: ReporterStream): number {
  return columns > 0 ? columns : 80
}
