import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http"
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"

/** Plays a fault on the first `times` requests of a route (always, by default), from the one with number `from` (0) on. */
type Times = { times?: number; from?: number }

/** What one path serves, and which accidents happen there. */
export interface OriginRoute {
  /** The content, or one for each request in turn (the last one stays). */
  body: Buffer | string | readonly (Buffer | string)[]
  contentType?: string
  /** `strong` (default): from the content; `weak`: `W/"…"`; `none`; or the header itself, or one for each request in turn. */
  etag?: "strong" | "weak" | "none" | (string & {}) | readonly string[]
  /** Also sent as `Last-Modified`. */
  lastModified?: Date
  /** `false`: answers 200 with everything, whatever was asked. */
  ranges?: boolean
  /** Answers 200 with everything, though it says that it serves ranges. */
  ignoreRange?: Times
  /** Answers ranges also when `If-Range` says that the file has changed. */
  ignoreIfRange?: boolean
  /** A 206 carries the whole file, whatever it says of its range. */
  wholeParts?: boolean
  /** A 206 has neither `ETag` nor `Last-Modified`. */
  bareParts?: boolean
  /** Sends this many bytes of the body, and the rest when it is told to. */
  holdAfter?: { bytes: number; until: Promise<void> } & Times
  /** Closes the connection after this many bytes of the body; a list: of one request after the other, the last one stays. */
  cutAfter?: { bytes: number | readonly number[] } & Times
  /** Sends this many bytes of the body and then nothing more, with the connection open. */
  stallAfter?: { bytes: number } & Times
  /** Says this `Content-Length` instead of the true one; the connection is closed after the body. */
  contentLength?: { bytes: number } & Times
  /** No `Content-Length`: chunked, or until the connection closes. */
  length?: "chunked" | "none"
  /** Answers with this status. `retryAfter`: seconds, a date, or the header itself. */
  fail?: { status: number; retryAfter?: number | Date | string; headers?: Record<string, string | string[]> } & Times
  /** Answers each request with `Range` with this status. */
  refuseRange?: number
  /** 206 starts this many bytes after (or before) what was asked. */
  rangeShift?: { bytes: number } & Times
  /** A 206 carries this many bytes at most. */
  rangeLimit?: number
  /** Sends an HTML login page with status 200. */
  login?: Times
  /** `encode`: gzips the content though `identity` was asked for; `declare`: only says so (of a `.gz`). */
  contentEncoding?: "encode" | "declare"
  /** Bytes a second on each connection. */
  throttle?: number
  /** Answers 503 while so many responses of this path are under way. */
  mostAtOnce?: number
  /** Redirects there; relative allowed. */
  redirect?: { to: string; status?: number } & Times
  /** Answers 401 without this `Authorization`. */
  authorization?: string
  /** Waits before it answers, in milliseconds. */
  delay?: number
}

export interface OriginRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  /** Bytes of the body that were handed to the connection. */
  sent: number
  status: number
}

export interface Origin {
  port: number
  /** `http://127.0.0.1:PORT`; the same server answers on 127.0.0.2 and localhost. */
  url: string
  /** The URL of a path, on another of its hosts if given. */
  at(path: string, host?: string): string
  readonly requests: OriginRequest[]
  /** Those of one path. */
  requestsOf(path: string): OriginRequest[]
  /** The most responses of a path that were under way at once. */
  mostAtOnce(path: string): number
  /** The responses of a path that are under way. */
  underWay(path: string): number
  /** Adds or replaces a route. */
  route(path: string, route: OriginRoute): void
  close(): Promise<void>
}

const LOGIN_PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>…</form></body></html>\n"

/** Starts an HTTP origin on loopback that serves what is given and has the accidents that are asked for. */
export async function startOrigin(routes: Readonly<Record<string, OriginRoute>> = {}): Promise<Origin> {
  const table = new Map(Object.entries(routes))
  const counts = new Map<string, number>()
  const requests: OriginRequest[] = []
  const sockets = new Set<Socket>()
  const underWay = new Map<string, { now: number; most: number }>()
  const server = createServer((request, response) => {
    const path = request.url ?? "/"
    const record: OriginRequest = { method: request.method ?? "", path, headers: request.headers, sent: 0, status: 0 }
    requests.push(record)
    const pathname = path.replace(/\?.*$/, "")
    const name = table.has(path) ? path : pathname
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    response.on("error", () => {})
    const load = underWay.get(name) ?? { now: 0, most: 0 }
    underWay.set(name, load)
    const limit = table.get(name)?.mostAtOnce
    if (limit !== undefined && load.now >= limit) {
      record.status = 503
      response.writeHead(503).end()
      return
    }
    load.now++
    load.most = Math.max(load.most, load.now)
    response.once("close", () => load.now--)
    serve(table.get(name), count, request, response, record).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 2000
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  }
  server.on("connection", track)
  const port = await listen(server, "127.0.0.1", 0)
  // A second host, with the same port, for what must not follow a redirect there.
  const second = createTcpServer((socket) => server.emit("connection", socket))
  await listen(second, "127.0.0.2", port)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    at: (path, host = "127.0.0.1") => `http://${host}:${port}${path}`,
    requests,
    mostAtOnce: (path) => underWay.get(path)?.most ?? 0,
    underWay: (path) => underWay.get(path)?.now ?? 0,
    requestsOf: (path) => requests.filter((request) => request.path === path),
    route: (path, route) => {
      table.set(path, route)
      counts.delete(path)
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all([server, second].map((one) => new Promise((resolve) => one.close(resolve))))
    },
  }
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, resolve)
  })
  return (server.address() as AddressInfo).port
}

async function serve(
  route: OriginRoute | undefined,
  count: number,
  request: IncomingMessage,
  response: ServerResponse,
  record: OriginRequest,
): Promise<void> {
  const on = <F extends Times>(fault: F | undefined): F | undefined => {
    const index = count - (fault?.from ?? 0)
    return index >= 0 && index < (fault?.times ?? Number.POSITIVE_INFINITY) ? fault : undefined
  }
  const end = (status: number, headers: OutgoingHttpHeaders = {}, text = ""): void => {
    record.status = status
    record.sent = text.length
    response.writeHead(status, headers).end(text)
  }
  if (route === undefined) return end(404, { "content-type": "text/plain" }, "Not found\n")
  if (route.delay !== undefined) await sleep(route.delay)
  const redirect = on(route.redirect)
  if (redirect !== undefined) return end(redirect.status ?? 302, { location: redirect.to })
  if (route.authorization !== undefined && request.headers.authorization !== route.authorization) {
    return end(401, { "www-authenticate": "Basic" })
  }
  const failure = on(route.fail)
  if (failure !== undefined) {
    const { retryAfter } = failure
    const value = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter
    return end(failure.status, { ...failure.headers, ...(value === undefined ? {} : { "retry-after": String(value) }) })
  }
  if (route.refuseRange !== undefined && request.headers.range !== undefined) return end(route.refuseRange)
  if (on(route.login) !== undefined) return end(200, { "content-type": "text/html; charset=utf-8" }, LOGIN_PAGE)
  await serveContent(route, count, on, request, response, record)
}

async function serveContent(
  route: OriginRoute,
  count: number,
  on: <F extends Times>(fault: F | undefined) => F | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  record: OriginRequest,
): Promise<void> {
  const bodies = Array.isArray(route.body)
    ? (route.body as readonly (Buffer | string)[])
    : [route.body as Buffer | string]
  const plain = Buffer.from(bodies[Math.min(count, bodies.length - 1)] ?? "")
  const content = route.contentEncoding === "encode" ? gzipSync(plain) : plain
  const headers: Record<string, string> = { "content-type": route.contentType ?? "application/octet-stream" }
  const etags = [route.etag ?? "strong"].flat()
  const etag = etagOf(etags[count % etags.length] ?? "strong", content)
  if (etag !== undefined) headers.etag = etag
  if (route.lastModified !== undefined) headers["last-modified"] = route.lastModified.toUTCString()
  if (route.contentEncoding !== undefined) headers["content-encoding"] = "gzip"
  if (route.ranges !== false) headers["accept-ranges"] = "bytes"

  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "")
  const condition = request.headers["if-range"]
  const unchanged =
    condition === undefined ||
    route.ignoreIfRange === true ||
    (condition === etag && !condition.startsWith("W/")) ||
    condition === headers["last-modified"]
  let start = 0
  let stop = content.length
  let status = 200
  if (asked !== null && route.ranges !== false && on(route.ignoreRange) === undefined && unchanged) {
    start = Number(asked[1])
    stop = asked[2] === "" ? content.length : Math.min(content.length, Number(asked[2]) + 1)
    if (start >= content.length) {
      record.status = 416
      response.writeHead(416, { ...headers, "content-range": `bytes */${content.length}` }).end()
      return
    }
    start = Math.max(0, start + (on(route.rangeShift)?.bytes ?? 0))
    stop = Math.min(stop, start + (route.rangeLimit ?? Number.POSITIVE_INFINITY))
    headers["content-range"] = `bytes ${start}-${stop - 1}/${content.length}`
    status = 206
    if (route.bareParts === true) {
      delete headers.etag
      delete headers["last-modified"]
    }
  }
  if (status === 206 && route.wholeParts === true) [start, stop] = [0, content.length]
  const lie = on(route.contentLength)
  if (route.length === undefined) headers["content-length"] = String(lie?.bytes ?? stop - start)
  if (route.length === "none" || lie !== undefined) headers.connection = "close"
  if (route.length === "none") response.useChunkedEncodingByDefault = false
  record.status = status
  // Node checks its own lengths; ours lie on purpose.
  response.strictContentLength = false
  response.writeHead(status, headers)
  response.flushHeaders()
  if (request.method === "HEAD") {
    response.end()
    return
  }
  await sendBody(content.subarray(start, stop), route, count, on, response, record)
}

async function sendBody(
  bytes: Buffer,
  route: OriginRoute,
  count: number,
  on: <F extends Times>(fault: F | undefined) => F | undefined,
  response: ServerResponse,
  record: OriginRequest,
): Promise<void> {
  const cut = on(route.cutAfter)
  const stall = on(route.stallAfter)
  const cuts = [cut?.bytes ?? bytes.length].flat()
  const cutAt = cuts[Math.min(count, cuts.length - 1)] ?? bytes.length
  const most = Math.min(bytes.length, cutAt, stall?.bytes ?? bytes.length)
  const piece = route.throttle === undefined ? 256 * 1024 : Math.max(1, Math.floor(route.throttle / 20))
  const hold = on(route.holdAfter)
  for (let at = 0; at < most;) {
    if (at === hold?.bytes) await hold.until
    const end = hold === undefined || at >= hold.bytes ? most : Math.min(most, hold.bytes)
    const chunk = bytes.subarray(at, Math.min(end, at + piece))
    if (response.destroyed) return
    await new Promise<void>((resolve) => {
      response.once("close", resolve)
      response.write(chunk, () => {
        response.off("close", resolve)
        resolve()
      })
    })
    record.sent += chunk.length
    at += chunk.length
    if (route.throttle !== undefined) await sleep(50)
  }
  if (stall !== undefined) return
  if (cut !== undefined || on(route.contentLength) !== undefined) {
    // In good order (FIN), after what was written: as a server that gave up.
    response.socket?.end()
    return
  }
  response.end()
}

function etagOf(kind: string, content: Buffer): string | undefined {
  if (kind === "none") return undefined
  if (kind !== "strong" && kind !== "weak") return kind
  let sum = content.length
  for (let at = 0; at < content.length; at += Math.max(1, Math.floor(content.length / 4096))) {
    sum = (sum * 31 + (content[at] ?? 0)) % 0x7fffffff
  }
  return `${kind === "weak" ? "W/" : ""}"${sum.toString(16)}"`
}
