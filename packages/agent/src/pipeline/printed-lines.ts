import { AsyncLocalStorage } from "node:async_hooks"
import { StringDecoder } from "node:string_decoder"

/** What somebody can read; more would only burden the connection. */
const LONGEST = 2000

const listening = new AsyncLocalStorage<(chunk: string | Uint8Array) => void>()
let diverted = false

/**
 * Runs an author's code and hands over, line by line, what it prints: the agent's own stdout is the protocol's, and
 * its stderr is read only when the agent dies. What child processes print of their own is none of it.
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
  try {
    return await listening.run((chunk) => take(decoder.write(Buffer.from(chunk as Uint8Array))), run)
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
      const listener = listening.getStore()
      if (listener === undefined) return write(chunk, ...others)
      listener(chunk)
      const done = others.at(-1)
      if (typeof done === "function") process.nextTick(done)
      return true
    }
  }
}
