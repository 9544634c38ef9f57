import { Pool, type Dispatcher } from "undici"

/** How undici calls a connection that ended. */
const ENDED = "UND_ERR_SOCKET"

/** The proxy of the environment opened no tunnel: nothing was heard of the server that is behind it. */
class TunnelFailed extends Error {
  /** That of its cause. */
  readonly code: string | undefined

  constructor(cause: unknown) {
    super("no tunnel through the proxy", { cause })
    const { code } = cause as NodeJS.ErrnoException
    // As one of an idle connection undici would open another in its place, again and again, without a pause or an end.
    this.code = code === ENDED ? "EPIPE" : code
  }
}

/**
 * Connections to a proxy, to ask it for tunnels (CONNECT). What fails there is a `TunnelFailed`.
 *
 * @param timeout milliseconds for its answer, which undici would wait for five minutes
 */
export function tunnelPool(origin: URL, options: object, timeout: number): Dispatcher {
  const pool = new Pool(origin.origin, { ...options, headersTimeout: timeout })
  const connect: (request: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData> = pool.connect.bind(pool)
  const tunnel: typeof connect = async (request) => {
    try {
      return await connect(request)
    } catch (error) {
      throw new TunnelFailed(error)
    }
  }
  return Object.assign(pool, { connect: tunnel })
}

/** Whether it failed before the proxy had opened a tunnel; undici puts some errors into its own. */
export function isTunnelFailure(error: unknown): boolean {
  return error instanceof TunnelFailed || (error instanceof Error && isTunnelFailure(error.cause))
}
