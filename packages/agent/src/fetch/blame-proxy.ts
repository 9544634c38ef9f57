import { isTunnelFailure, namedProxy, type Environment } from "@datamaestro/outgoing"
import { redactUrl } from "../store/cache-url.ts"
import { ProxyRefused, ProxyUnreachable } from "./proxy-unreachable.ts"
import { networkFailure, neverConnected, speaksTls } from "./retry-policy.ts"
import { socksFailure } from "./socks-failure.ts"

/** A proxy that a request was to go through. */
interface AskedProxy {
  /** Without its login. */
  proxy: string
  /** The environment variable that names it. */
  variable: string
  /** It failed before the proxy had opened a tunnel. */
  tunnelFailed: boolean
}

/**
 * The error of a request, as one of the proxy where the environment names one for the URL and nothing was reached: then it
 * was the proxy that was asked; or where that one refused, or opened no tunnel. Other errors are as they were.
 */
export function blameProxy(error: unknown, url: URL, environment: Environment): unknown {
  const named = namedProxy(url, environment)
  if (named === undefined) return error
  const asked = { ...named, proxy: redactUrl(named.proxy), tunnelFailed: isTunnelFailure(error) }
  return blame(error, url, asked)
}

/** The same of the controller's proxy, for a request that was relayed. */
export function blameRelayedProxy(error: unknown, url: URL): unknown {
  const { proxy } = error as { proxy?: AskedProxy }
  return proxy === undefined ? error : blame(error, url, proxy, " of the controller")
}

/** @param whose where the variable is, if not on this machine */
function blame(error: unknown, url: URL, asked: AskedProxy, whose = ""): unknown {
  const { variable, tunnelFailed } = asked
  const proxy = asked.proxy.replace(/\/$/, "")
  const named = `the proxy ${proxy}, which ${variable}${whose} names,`
  const status = refusal(error)
  if (status !== undefined)
    return refused(named, `${variable}${whose === "" ? " of the data machine" : whose}`, status, error)
  const socks = socksFailure(error)
  if (socks !== undefined) return unusable(named, socks, error)
  const tunnelled = proxy.startsWith("https:") || (proxy.startsWith("http:") && url.protocol === "https:")
  // Without a tunnel it is the proxy that answers.
  if (tunnelled ? !tunnelFailed : !neverConnected(error) && !speaksTls(error)) return error
  const { reason } = networkFailure(error) ?? { reason: "no connection" }
  return unusable(named, reason, error)
}

function unusable(proxy: string, reason: string, cause: unknown): ProxyUnreachable {
  return new ProxyUnreachable(`${proxy} can't be used: ${reason}`, { cause })
}

/** The status by which a proxy refused: undici has it in its words only. */
function refusal(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const [, status] =
    /^Proxy Authentication Required \((\d+)\)|^Proxy response \((\d+)\)/.exec(error.message)?.filter(Boolean) ?? []
  return status === undefined ? undefined : Number(status)
}

function refused(proxy: string, variable: string, status: number, cause: unknown): ProxyRefused {
  const login = status === 407
  return new ProxyRefused(`${proxy} ${login ? "wants a login" : "refused"}: it answered ${status}`, {
    status,
    hint: login
      ? `put user and password into ${variable}: http://user:password@proxy:port`
      : `ask those who run the proxy, or choose another one in ${variable}`,
    cause,
  })
}
