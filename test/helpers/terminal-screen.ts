import { Writable } from "node:stream"
import type { ReporterStream } from "../../packages/controller/src/reporter/reporter.ts"

interface Row {
  text: string
  /** The line goes on in the next row. */
  wrapped: boolean
}

/** A terminal that wraps lines anew when its width changes, as tmux, VTE, kitty and iTerm do. */
export interface TerminalScreen extends ReporterStream {
  /** What is to be seen, without blanks at the end of rows. */
  readonly lines: readonly string[]
  resize(columns: number): void
}

/** Understands what the reporter writes, and throws at anything else. */
export function terminalScreen(columns: number): TerminalScreen {
  let width = columns
  let rows: Row[] = [{ text: "", wrapped: false }]
  let [y, x] = [0, 0]
  const rowAt = (index: number): Row => (rows[index] ??= { text: "", wrapped: false })

  const put = (character: string): void => {
    if (x === width) {
      rowAt(y).wrapped = true
      y++
      x = 0
    }
    const row = rowAt(y)
    row.text = `${row.text.padEnd(x).slice(0, x)}${character}${row.text.slice(x + 1)}`
    x++
  }
  const control: Readonly<Record<string, (count: number) => unknown>> = {
    A: (count) => (y = Math.max(0, y - Math.max(1, count))),
    // As in tmux, a row that was wrapped once stays so, unless all of it is cleared.
    K: (which) => {
      rowAt(y).text = which === 2 ? "" : rowAt(y).text.slice(0, x)
      if (which === 2) rowAt(y).wrapped = false
    },
    G: (column) => (x = Math.max(1, column) - 1),
    J: () => {
      // As in tmux, what was on a screen that is cleared from its beginning can be scrolled back to.
      if (x === 0 && y === 0) return (y = rows.length)
      rowAt(y).text = rowAt(y).text.slice(0, x)
      if (x === 0) rowAt(y).wrapped = false
      return (rows.length = y + 1)
    },
    h: () => {},
    l: () => {},
    m: () => {},
  }

  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const [token, count = "", letter] of chunk.toString().matchAll(/\u001b\[\??(\d*)([A-Za-z])|[^]/gu)) {
        const act = letter === undefined ? undefined : control[letter]
        if (act !== undefined) act(Number(count))
        else if (token === "\r") x = 0
        else if (token === "\n") [y, x] = [y + 1, 0]
        else if (/\p{C}/u.test(token)) throw new Error(`unknown to this terminal: ${JSON.stringify(token)}`)
        else put(token)
        rowAt(y)
      }
      done()
    },
  })

  const resize = (to: number): void => {
    const before = rows
    const [cursor, column] = [y, x]
    rows = []
    width = to
    let line = ""
    let at: number | undefined
    for (const [index, row] of before.entries()) {
      if (index === cursor) at = line.length + column
      line += row.text
      if (row.wrapped) continue
      const first = rows.length
      const pieces = line === "" ? [""] : (line.match(new RegExp(`.{1,${to}}`, "gu")) ?? [])
      rows.push(...pieces.map((text, piece) => ({ text, wrapped: piece < pieces.length - 1 })))
      if (at !== undefined) [y, x] = [first + Math.min(pieces.length - 1, Math.floor(at / to)), at % to]
      line = ""
      at = undefined
    }
    screen.columns = to
  }
  const screen = Object.assign(stream, { isTTY: true, columns, rows: 24, resize }) as unknown as TerminalScreen
  Object.defineProperty(screen, "lines", { get: () => rows.map(({ text }) => text.trimEnd()) })
  return screen
}
