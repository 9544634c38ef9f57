import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { closeSync, openSync } from "node:fs"
import { Writable } from "node:stream"
import { isatty, ReadStream, WriteStream } from "node:tty"
import type { Prompter, Question } from "../transport/prompter.ts"
import type { Reporter } from "./reporter.ts"
import { sanitizeText } from "./sanitize.ts"

export interface TerminalPrompterOptions {
  /** Paused while a question stands. */
  reporter: Pick<Reporter, "pause" | "resume">
  /** An open question is given up when it aborts. */
  signal: AbortSignal
  /** Called when the person presses Ctrl-C at a question (raw mode keeps it from being a signal), or Ctrl-D. */
  onInterrupt: () => void
}

interface Terminal {
  input: NodeJS.ReadStream
  output: NodeJS.WritableStream
  close(): void
}

/** Asks on the controlling terminal, whatever stdin and stdout are; one question at a time. */
export class TerminalPrompter implements Prompter {
  readonly #options: TerminalPrompterOptions
  #last: Promise<unknown> = Promise.resolve()
  #available: boolean | undefined

  constructor(options: TerminalPrompterOptions) {
    this.#options = options
  }

  get available(): boolean {
    this.#available ??= hasTerminal()
    return this.#available
  }

  ask(question: Question): Promise<string> {
    const answer = this.#last.then(() => this.#askNow(question))
    this.#last = answer.catch(() => {})
    return answer
  }

  async #askNow(question: Question): Promise<string> {
    const { reporter } = this.#options
    const signals = [this.#options.signal, ...(question.signal === undefined ? [] : [question.signal])]
    const signal = AbortSignal.any(signals)
    if (signal.aborted) throw interrupted()
    if (!this.available) throw new DatamaestroError("USAGE", "Cannot ask: there is no terminal")
    const { createInterface } = await import("node:readline")
    reporter.pause()
    const terminal = openTerminal()
    const echo = new EchoFilter(terminal.output)
    const lines = createInterface({ input: terminal.input, output: echo, terminal: true, historySize: 0 })
    const prompt = `${sanitizeText(question.text)} `
    const over = new AbortController()
    try {
      return await new Promise<string>((resolve, reject) => {
        const interrupt = (): void => {
          reject(interrupted())
          this.#options.onInterrupt()
        }
        signal.addEventListener("abort", () => reject(interrupted()), { once: true, signal: over.signal })
        // Ctrl-D.
        lines.once("close", () => over.signal.aborted || interrupt())
        lines.once("SIGINT", interrupt)
        lines.on("SIGTSTP", () => {
          stopAsCtrlZ(terminal.input, () => {
            if (!question.hidden) return lines.prompt(true)
            // A secret is typed anew: what there is of it can't be shown.
            lines.write(null, { ctrl: true, name: "u" })
            terminal.output.write(prompt)
          })
        })
        if (question.preface !== undefined) terminal.output.write(`${sanitizeText(question.preface)}\n`)
        lines.question(prompt, resolve)
        echo.muted = question.hidden
      })
    } finally {
      over.abort()
      // readline ends an answered line itself, but its line end is muted with the answer.
      const newline = echo.muted || signal.aborted
      echo.muted = false
      lines.close()
      if (newline) terminal.output.write("\n")
      terminal.close()
      reporter.resume()
    }
  }
}

/** Does what the terminal does where it is not in raw mode: it stops all that the same line of the shell began. */
function stopAsCtrlZ(input: NodeJS.ReadStream, goOn: () => void): void {
  input.setRawMode(false)
  process.kill(0, "SIGTSTP")
  // Once it is continued; at once where there is no shell that could continue it.
  setImmediate(() => {
    input.setRawMode(true)
    goOn()
  })
}

/** Passes on what readline writes, save for what must not be seen. */
class EchoFilter extends Writable {
  muted = false
  readonly #output: NodeJS.WritableStream

  constructor(output: NodeJS.WritableStream) {
    super()
    this.#output = output
  }

  get columns(): number {
    return (this.#output as { columns?: number }).columns ?? 80
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.muted) this.#output.write(chunk)
    done()
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"))
    return true
  } catch {
    // Asking process.stdin would make a stream of it, which takes two milliseconds.
    return isatty(0) && isatty(2)
  }
}

function openTerminal(): Terminal {
  let descriptors: [number, number] | undefined
  try {
    descriptors = [openSync("/dev/tty", "r"), openSync("/dev/tty", "w")]
  } catch {
    return { input: process.stdin, output: process.stderr, close: () => void process.stdin.pause() }
  }
  const input = new ReadStream(descriptors[0])
  const output = new WriteStream(descriptors[1])
  return {
    input,
    output,
    close: () => {
      input.destroy()
      output.destroy()
    },
  }
}
