import type { ReporterStream } from "./reporter.ts"

/** Between two drawings, in milliseconds. */
const FRAME = 100
const HIDE_CURSOR = "\u001b[?25l"
const SHOW_CURSOR = "\u001b[?25h"
const CLEAR_TO_END = "\u001b[K"
const CLEAR_BELOW = "\u001b[J"

/**
 * Lines at the bottom of a terminal that are drawn ten times a second, and text above them that stays. A terminal that
 * was made narrower has wrapped what was drawn: that is counted by its present width, so that no piece of it is left.
 */
export class LiveLines {
  readonly #stream: ReporterStream
  readonly #lines: () => readonly string[]
  #drawn: readonly string[] = []
  #width = 0
  #timer: NodeJS.Timeout | undefined

  /** @param lines what is to be seen now, none longer than the terminal is wide */
  constructor(stream: ReporterStream, lines: () => readonly string[]) {
    this.#stream = stream
    this.#lines = lines
  }

  show(): void {
    if (this.#timer !== undefined) return
    this.#stream.write(HIDE_CURSOR)
    this.#timer = setInterval(() => this.#draw(""), FRAME)
  }

  hide(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#stream.write(`${this.#back()}${CLEAR_BELOW}${SHOW_CURSOR}`)
    this.#drawn = []
  }

  /** Lines that stay. */
  print(text: string): void {
    if (this.#timer === undefined) this.#stream.write(`${text}\n`)
    else this.#draw(`${text.replaceAll("\n", `${CLEAR_TO_END}\n`)}${CLEAR_TO_END}\n`)
  }

  #draw(above: string): void {
    const lines = this.#lines()
    const text = lines.map((line) => `${line}${CLEAR_TO_END}`).join("\n")
    const width = widthOf(this.#stream)
    // Rows that the terminal has wrapped go on belonging together until they are cleared from their beginning.
    const anew = width === this.#width ? "" : CLEAR_BELOW
    this.#stream.write(`${this.#back()}${anew}${above}${text}${CLEAR_BELOW}`)
    this.#drawn = lines
    this.#width = width
  }

  /** To where the first of them begins. */
  #back(): string {
    const width = widthOf(this.#stream)
    const rows = this.#drawn.map(({ length }) => Math.max(1, Math.ceil(length / width)))
    const up = rows.reduce((sum, count) => sum + count, 0) - 1
    return up > 0 ? `\r\u001b[${up}A` : "\r"
  }
}

/** In columns. A terminal that does not know its width says 0. */
export function widthOf({ columns = 0 }: ReporterStream): number {
  return columns > 0 ? columns : 80
}
