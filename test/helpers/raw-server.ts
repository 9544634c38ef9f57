import { createServer, type AddressInfo, type Socket } from "node:net"

export interface RawServer {
  port: number
  at(path: string): string
  /** Heads of the requests, as they came. */
  readonly requests: string[]
  close(): Promise<void>
}

/**
 * Says to each request what is given, byte for byte (Latin-1), whether it is HTTP or not.
 *
 * @param answer by the number of the request, from 0, and its path
 * @param keepOpen the connection stays open for more
 */
export async function startRawServer(
  answer: (request: number, path: string) => string,
  { keepOpen = false }: { keepOpen?: boolean } = {},
): Promise<RawServer> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    let head = ""
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1")
      if (!head.endsWith("\r\n\r\n")) return
      const text = answer(requests.length, head.split(" ")[1] ?? "")
      requests.push(head)
      head = ""
      socket.write(text, "latin1")
      if (!keepOpen) socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    at: (path) => `http://127.0.0.1:${port}${path}`,
    requests,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
