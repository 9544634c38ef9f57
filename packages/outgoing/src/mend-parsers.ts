import { subscribe } from "node:diagnostics_channel"
import type { Duplex } from "node:stream"
import { TLSSocket } from "node:tls"

/** undici's parser of one connection, as far as it is needed here. */
interface Parser {
  paused: boolean
  /** Of the answer that is being read; 0 between two of them. */
  readonly statusCode: number
  /** The connection is to be used again, as the answer says. */
  shouldKeepAlive: boolean
  /** What the answer says; empty where it does not. */
  contentLength: string
  readonly bytesRead: number
  readonly ptr: unknown
  readonly socket: Duplex
  readonly llhttp: { llhttp_resume(ptr: unknown): void }
  execute(chunk: Uint8Array): void
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number
  onBody(bytes: Uint8Array): number
  finish(): unknown
  createError(code: number, rest: Uint8Array): NodeJS.ErrnoException
}

const CONTINUE = 100
const PROCESSING = 102
const OK = 200
/** Each is a sign of life that may come for hours while a file is made; more are no use, and each keeps the timeout from ending it. */
const MOST_PRELIMINARY = 1000
/** The type of HTTP/2's first frame. */
const SETTINGS = 4
/** The type of TLS's record. */
const ALERT = 21
const CR = 13
const LF = 10

/** What llhttp says of a header that ends in LF alone, or goes on in the next line. */
const HEADER_LINES = /expected (CR|LF) after|whitespace after header/i

const NOTHING = new Uint8Array(0)
const mended = new WeakSet<object>()
/** Last bytes of bodies, behind which a server said more. */
const exceeded = new WeakSet<Uint8Array>()
/** How many preliminary answers have come since the last one that counts. */
const preliminary = new WeakMap<Parser, number>()
/** What is being read. */
let reading: Uint8Array = NOTHING
let listening = false

/**
 * Whether these are the last bytes of a body that, by what came with them, is longer than the server announced. What undici gives
 * is cut there, as every client does it.
 */
export function isExceeded(bytes: Uint8Array): boolean {
  return exceeded.has(bytes)
}

/**
 * Mends six things in how undici 7 reads answers:
 * - A server may close its connection while nobody takes the body, which waits in memory: undici asserts that it can't, in
 *   an event of the socket, so that the whole process dies of it (nodejs/undici#5360). undici 8 has it mended, and needs Node 22.
 *   Where the answer does not say that the connection is to be closed, it throws away what waits, as if it had been cut.
 * - A connection that is reset has not ended: where only its end tells the body's, undici takes what had come for the whole.
 * - `100 Continue` may come to any request (RFC 9110, section 15.2), where undici gives the connection up.
 * - Preliminary answers may come without end, each of which undici takes for a sign of life: the request never ends.
 * - Headers that say twice how long the body is count as a body of another length, as a connection does that was cut.
 * - A server that refuses once the handshake is over (TLS 1.3) says why, which undici forgets when it then closes the connection.
 *
 * And notes what `isExceeded` tells. What is changed here is no part of undici's interface, which offers nothing for it: undici is
 * pinned to one version, and `test/outgoing/mend-parsers.test.ts` fails where another one has its parser elsewhere.
 */
export function mendParsers(): void {
  if (listening) return
  listening = true
  // Told of each connection, once it has its parser.
  subscribe("undici:client:connected", (message) => mend((message as { socket: Duplex }).socket))
}

function mend(socket: Duplex): void {
  // What an alert says is an event of a socket that goes on, to its end.
  if (socket instanceof TLSSocket) socket.once("error", (error) => socket.destroy(error))
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "parser")
  const parser = key === undefined ? undefined : (socket as object as Record<symbol, Parser | undefined>)[key]
  if (parser === undefined) return
  // Before undici hears of the end. Whoever would go on, and ends, has ended the answer, too, of which the last is yet to be read.
  socket.prependListener("end", () => {
    if (parser.paused && parser.statusCode > 0) parser.shouldKeepAlive = false
  })
  const prototype = Object.getPrototypeOf(parser) as Parser
  if (mended.has(prototype)) return
  mended.add(prototype)
  noteExcess(prototype)
  tellCauses(prototype)
  const { finish, onHeadersComplete } = prototype
  prototype.finish = function (this: Parser): unknown {
    const { errored } = this.socket
    if (errored && this.statusCode > 0) return errored
    if (this.paused) parseRest(this)
    return finish.call(this)
  }
  prototype.onHeadersComplete = function (this: Parser, status, ...rest): number {
    const count = status < OK ? (preliminary.get(this) ?? 0) + 1 : 0
    preliminary.set(this, count)
    if (count > MOST_PRELIMINARY) return -1
    // Another preliminary answer, which it reads over.
    return onHeadersComplete.call(this, status === CONTINUE ? PROCESSING : status, ...rest)
  }
}

function noteExcess(prototype: Parser): void {
  const { execute, onBody } = prototype
  prototype.execute = function (this: Parser, chunk): void {
    reading = chunk
    execute.call(this, chunk)
    reading = NOTHING
  }
  prototype.onBody = function (this: Parser, bytes): number {
    const result = onBody.call(this, bytes)
    if (this.bytesRead === Number(this.contentLength)) {
      const rest = reading.subarray(bytes.byteOffset + bytes.length - reading.byteOffset)
      // Line ends alone are no content: some programs print one too many.
      if (rest.some((byte) => byte !== CR && byte !== LF)) exceeded.add(bytes)
    }
    return result
  }
}

/** Gives errors that no other attempt will change a code to know them by; undici gives none. */
function tellCauses(prototype: Parser): void {
  const { createError } = prototype
  prototype.createError = function (this: Parser, code, rest) {
    const inHeaders = this.statusCode < OK
    // No byte of a body can be missing yet.
    if (inHeaders) this.contentLength = ""
    const error = createError.call(this, code, rest)
    if ((preliminary.get(this) ?? 0) > MOST_PRELIMINARY) error.code = "HPE_PRELIMINARY"
    else if (error.message.includes("Content-Length")) error.code = "HPE_INVALID_CONTENT_LENGTH"
    else if (inHeaders && HEADER_LINES.test(error.message)) error.code = "HPE_HEADER_LINES"
    else if (startsAsHttp2(rest)) error.code = "HPE_HTTP2"
    else if (startsAsAlert(rest)) error.code = "HPE_TLS"
    return error
  }
}

/** A frame of settings, for the connection as a whole: its length (3 bytes), type, flags, and the stream 0 (4 bytes). */
function startsAsHttp2(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 9 && bytes[0] === 0 && bytes[3] === SETTINGS && bytes.subarray(5, 9).every((byte) => byte === 0)
  )
}

/** An alert of TLS, whose version is 3.x (RFC 8446, section 5.1). */
function startsAsAlert(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === ALERT && bytes[1] === 3
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
