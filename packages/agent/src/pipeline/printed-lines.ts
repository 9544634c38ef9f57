import { AsyncLocalStorage } from "node:async_hooks"
import { StringDecoder } from "node:string_decoder"
import { LeaveRefused } from "../leave.ts"

/** What somebody can read; more would only burden the connection. */
const LONGEST = 2000

interface Running {
  print(chunk: string | Uint8Array): void
  refuse(error: Error): void
}

const running = new AsyncLocalStorage<Running>()
let diverted = false

/**
 * Runs an author's code and hands over, line by line, what it prints: the agent's own stdout is the protocol's, and
 * its stderr is read only when the agent dies. What child processes print of their own is none of it.
 *
 * @throws LeaveRefused when it calls `process.exit`, which would end the work of others too, without a word of whose it was
 */
export async function withPrintedLines<T>(onLine: (line: string) => void, run: () => Promise<T>): Promise<T> {
  divert()
  const decoder = new StringDecoder("utf8")
  let rest = ""
  const take = (text: string): void => {
    const lines = (rest + text).split(/\r?\n|\r/)
    rest = (lines.pop() ?? "").slice(0, LONGEST)
    for (const line of lines) if (line !== "") onLine(line.slice(0, LONGEST))
  }
  const print = (chunk: string | Uint8Array): void => take(decoder.write(Buffer.from(chunk as Uint8Array)))
  try {
    return await new Promise<T>((resolve, refuse) => void running.run({ print, refuse }, run).then(resolve, refuse))
  } finally {
    take(`${decoder.end()}\n`)
  }
}

/** Once: several steps print at a time, and each write knows from which of them it comes. */
function divert(): void {
  if (diverted) return
  diverted = true
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
    stream.write = (chunk: string | Uint8Array, ...others: unknown[]): boolean => {
      const author = running.getStore()
      if (author === undefined) return write(chunk, ...others)
      author.print(chunk)
      const done = others.at(-1)
      if (typeof done === "function") process.nextTick(done)
      return true
    }
  }
  const exit = process.exit.bind(process)
  process.exit = (status) => {
    const author = running.getStore()
    if (author === undefined) return exit(status)
    const error = new LeaveRefused(`it called process.exit(${status ?? ""})`)
    // It may be called where nobody catches what is thrown.
    author.refuse(error)
    throw error
  }
}
