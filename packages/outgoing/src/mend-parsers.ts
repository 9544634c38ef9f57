import { subscribe } from "node:diagnostics_channel"
import type { Duplex } from "node:stream"

/** undici's parser of one connection, as far as it is needed here. */
interface Parser {
  paused: boolean
  /** Of the answer that is being read; 0 between two of them. */
  readonly statusCode: number
  readonly ptr: unknown
  readonly socket: Duplex
  readonly llhttp: { llhttp_resume(ptr: unknown): void }
  execute(chunk: Uint8Array): void
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number
  finish(): unknown
}

const CONTINUE = 100
const PROCESSING = 102

const NOTHING = new Uint8Array(0)
const mended = new WeakSet<object>()
let listening = false

/**
 * Mends three things in how undici 7 reads answers:
 * - A server may close its connection while nobody takes the body, which waits in memory: undici asserts that it can't, in
 *   an event of the socket, so that the whole process dies of it (nodejs/undici#5360). undici 8 has it mended, and needs Node 22.
 * - A connection that is reset has not ended: where only its end tells the body's, undici takes what had come for the whole.
 * - `100 Continue` may come to any request (RFC 9110, section 15.2), where undici gives the connection up.
 */
export function mendParsers(): void {
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
  const { finish, onHeadersComplete } = prototype
  prototype.finish = function (this: Parser): unknown {
    const { errored } = this.socket
    if (errored && this.statusCode > 0) return errored
    if (this.paused) parseRest(this)
    return finish.call(this)
  }
  prototype.onHeadersComplete = function (this: Parser, status, ...rest): number {
    // Another preliminary answer, which it reads over.
    return onHeadersComplete.call(this, status === CONTINUE ? PROCESSING : status, ...rest)
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
