import { isTunnelFailure, namedProxy, type Environment } from "@datamaestro/outgoing"
import { redactUrl } from "../store/cache-url.ts"
import { ProxyRefused, ProxyUnreachable } from "./proxy-unreachable.ts"
import { networkFailure, neverConnected, speaksTls } from "./retry-policy.ts"
import { socksFailure } from "./socks-failure.ts"

/**
 * The error of a request, as one of the proxy where the environment names one for the URL and nothing was reached: then it
 * was the proxy that was asked; or where that one refused, or opened no tunnel. Other errors are as they were.
 */
export function blameProxy(error: unknown, url: URL, environment: Environment): unknown {
  const named = namedProxy(url, environment)
  if (named === undefined) return error
  const proxy = redactUrl(named.proxy).replace(/\/$/, "")
  const status = refusal(error)
  if (status !== undefined)
    return refused(`the proxy ${proxy}, which ${named.variable} names,`, named.variable, status, error)
  const socks = socksFailure(error)
  if (socks !== undefined) return unusable(proxy, named.variable, socks, error)
  const tunnelled = proxy.startsWith("https:") || (proxy.startsWith("http:") && url.protocol === "https:")
  // Without a tunnel it is the proxy that answers.
  if (tunnelled ? !isTunnelFailure(error) : !neverConnected(error) && !speaksTls(error)) return error
  const { reason } = networkFailure(error) ?? { reason: "no connection" }
  return unusable(proxy, named.variable, reason, error)
}

function unusable(proxy: string, variable: string, reason: string, cause: unknown): ProxyUnreachable {
  return new ProxyUnreachable(`the proxy ${proxy}, which ${variable} names, can't be used: ${reason}`, { cause })
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
      ? `put user and password into ${variable} of the data machine: http://user:password@proxy:port`
      : `ask those who run the proxy, or choose another one in ${variable} of the data machine`,
    cause,
  })
}
