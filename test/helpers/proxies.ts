import { createServer } from "node:http"
import { createServer as createTlsServer, type ServerOptions } from "node:https"
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from "node:net"

export interface TestProxy {
  port: number
  /** What was asked for: `host:port`. */
  readonly seen: string[]
  close(): Promise<void>
}

/** A proxy that tunnels: CONNECT of RFC 9110, section 9.3.6; itself over TLS where it is given a certificate. */
export async function startConnectProxy(certificate?: ServerOptions): Promise<TestProxy> {
  const seen: string[] = []
  const server = certificate === undefined ? createServer() : createTlsServer(certificate)
  const sockets = tracked(server)
  server.on("connect", (request, socket: Socket, head: Buffer) => {
    seen.push(request.url ?? "")
    const [host = "", port = ""] = (request.url ?? "").split(":")
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      onward.write(head)
      join(socket, onward)
    })
    onward.on("error", () => socket.destroy())
  })
  return await listening(server, sockets, seen)
}

/** A SOCKS proxy without authentication (RFC 1928) that knows names and IPv4. */
export async function startSocksProxy(): Promise<TestProxy> {
  const seen: string[] = []
  const server = createTcpServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", () => {
      socket.write(Buffer.from([5, 0]))
      socket.once("data", (request: Buffer) => {
        const named = request[3] === 3
        const length = named ? (request[4] ?? 0) + 1 : 4
        const host = named
          ? request.subarray(5, 4 + length).toString()
          : [...request.subarray(4, 4 + length)].map(String).join(".")
        const port = request.readUInt16BE(4 + length)
        seen.push(`${host}:${port}`)
        const onward = connect(port, host, () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          join(socket, onward)
        })
        onward.on("error", () => socket.destroy())
      })
    })
  })
  return await listening(server, tracked(server), seen)
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one)
  for (const socket of [one, other]) socket.on("error", () => {})
}

function tracked(server: TcpServer): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.once("close", () => sockets.delete(socket))
  })
  return sockets
}

async function listening(server: TcpServer, sockets: ReadonlySet<Socket>, seen: string[]): Promise<TestProxy> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
