import { Writable } from "node:stream"
import type { ReporterStream } from "../../packages/controller/src/reporter/reporter.ts"

export interface TextStream extends ReporterStream {
  readonly text: string
}

/** Keeps what is written; a terminal when it has columns. */
export function textStream(terminal?: { columns: number; rows: number }): TextStream {
  let text = ""
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  Object.defineProperty(stream, "text", { get: () => text })
  return Object.assign(stream, terminal === undefined ? {} : { isTTY: true, ...terminal }) as TextStream
}
