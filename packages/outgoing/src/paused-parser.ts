import { subscribe } from "node:diagnostics_channel"
import type { Duplex } from "node:stream"

/** undici's parser of one connection, as far as it is needed here. */
interface Parser {
  paused: boolean
  readonly ptr: unknown
  readonly socket: Duplex
  readonly llhttp: { llhttp_resume(ptr: unknown): void }
  execute(chunk: Uint8Array): void
  finish(): unknown
}

const NOTHING = new Uint8Array(0)
const mended = new WeakSet<object>()
let listening = false

/**
 * Lets a server close its connection while nobody takes the body, which waits in memory: undici 7 asserts that it can't, in
 * an event of the socket, so that the whole process dies of it (nodejs/undici#5360). undici 8 has it mended, and needs Node 22.
 */
export function mendPausedParsers(): void {
  if (listening) return
  listening = true
  // Told of each connection, once it has its parser.
  subscribe("undici:client:connected", (message) => mend((message as { socket: object }).socket))
}

function mend(socket: object): void {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "parser")
  const parser = key === undefined ? undefined : (socket as Record<symbol, Parser | undefined>)[key]
  if (parser === undefined) return
  const prototype = Object.getPrototypeOf(parser) as Parser
  if (mended.has(prototype)) return
  mended.add(prototype)
  const { finish } = prototype
  prototype.finish = function (this: Parser): unknown {
    if (this.paused) parseRest(this)
    return finish.call(this)
  }
}

/** All that came before the end: it goes into the body, which holds it for its reader. */
function parseRest(parser: Parser): void {
  for (let left = true; left && parser.paused;) {
    resume(parser)
    const chunk = (parser.socket.read() as Uint8Array | null) ?? NOTHING
    left = chunk.length > 0
    parser.execute(chunk)
  }
  // A body of unknown length pauses again, and is whole once `finish` says that this was its end.
  if (parser.paused) resume(parser)
}

function resume(parser: Parser): void {
  parser.llhttp.llhttp_resume(parser.ptr)
  parser.paused = false
}
