import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net"

export interface DelayProxyOptions {
  target: { host: string; port: number }
  /** Of each direction, in milliseconds. */
  delay?: number
}

/** A TCP proxy on loopback that plays the distance and the accidents between two machines. */
export interface DelayProxy {
  readonly host: string
  readonly port: number
  /** Bytes that arrived from the client's and from the server's side, of all connections. */
  readonly bytes: { fromClient: number; fromServer: number }
  /**
   * The round trips after connecting, of the connection that was made last: how often the client had something to say that
   * may have waited for the server's answer to what it had said before.
   */
  readonly turns: number
  readonly connections: number
  /** Closes all connections at once, with a reset. */
  cut(): void
  /** From now on takes every byte and passes none on; the connections stay open. New ones are accepted and silent. */
  swallow(): void
  /** Passes on again what comes from now on. What was swallowed stays so: cut first. */
  resume(): void
  /** From now on nothing passes, of new connections either, as when packets are lost; the sides notice only by time. */
  hold(): void
  /** Passes on what was held, in order, as TCP does once packets arrive again. */
  release(): void
  /** Holds as soon as so many more bytes have come from the client. */
  holdAfter(bytesFromClient: number): void
  close(): Promise<void>
}

export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const delay = options.delay ?? 0
  const bytes = { fromClient: 0, fromServer: 0 }
  const pairs = new Set<readonly [Socket, Socket]>()
  const timers = new Set<NodeJS.Timeout>()
  let turns = 0
  let connections = 0
  let swallowing = false
  let holdAt = Number.POSITIVE_INFINITY

  let held: (() => void)[] | undefined
  const later = (action: () => void): void => {
    if (held !== undefined) return void held.push(() => later(action))
    if (delay === 0) return action()
    const timer = setTimeout(() => {
      timers.delete(timer)
      action()
    }, delay)
    timers.add(timer)
  }

  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    pairs.clear()
  }

  const hold = (): void => {
    held ??= []
  }

  /** @param arrived told of what has come; gives back what is to be called once that is passed on */
  const forward = (from: Socket, to: Socket, arrived: (chunk: Buffer) => () => void): void => {
    from.on("data", (chunk: Buffer) => {
      const passed = arrived(chunk)
      if (swallowing) return
      later(() => {
        if (swallowing || to.destroyed) return
        passed()
        // A slow reader must be felt by the writer, or a test of backpressure measures this proxy's memory.
        if (!to.write(chunk) && !from.isPaused()) {
          from.pause()
          to.once("drain", () => from.resume())
        }
      })
    })
    from.on("end", () => {
      if (!swallowing) later(() => to.end())
    })
    from.on("error", () => {
      if (!swallowing) later(() => to.destroy())
    })
    from.on("close", () => {
      if (!swallowing) later(() => to.destroy())
    })
  }

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const number = ++connections
    turns = 0
    const upstream = connect({ ...options.target, allowHalfOpen: true, noDelay: true })
    const pair = [client, upstream] as const
    pairs.add(pair)
    client.once("close", () => pairs.delete(pair))
    // In turns: what the client has said, and what of that each side has heard, itself or in an answer.
    let said = 0
    const heard = { byServer: 0, byClient: -1 }
    forward(client, upstream, (chunk) => {
      bytes.fromClient += chunk.length
      const turn = heard.byClient + 1
      said = Math.max(said, turn)
      if (number === connections) turns = said
      if (bytes.fromClient >= holdAt) {
        holdAt = Number.POSITIVE_INFINITY
        hold()
      }
      return () => {
        heard.byServer = turn
      }
    })
    forward(upstream, client, (chunk) => {
      bytes.fromServer += chunk.length
      const turn = heard.byServer
      return () => {
        heard.byClient = turn
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", resolve)
  })

  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    bytes,
    get turns() {
      return turns
    },
    get connections() {
      return connections
    },
    cut,
    swallow: () => {
      swallowing = true
    },
    resume: () => {
      swallowing = false
    },
    hold,
    release: () => {
      const actions = held ?? []
      held = undefined
      for (const action of actions) action()
    },
    holdAfter: (count) => {
      holdAt = bytes.fromClient + count
    },
    close: async () => {
      cut()
      for (const timer of timers) clearTimeout(timer)
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
