import { namedProxy, type Environment } from "@datamaestro/outgoing"
import { redactUrl } from "../store/cache-url.ts"
import { ProxyUnreachable } from "./proxy-unreachable.ts"
import { networkFailure, neverConnected } from "./retry-policy.ts"

/**
 * The error of a request, as one of the proxy where the environment names one for the URL and nothing was reached: then it
 * was the proxy that was asked. Other errors are as they were.
 */
export function blameProxy(error: unknown, url: URL, environment: Environment): unknown {
  const named = namedProxy(url, environment)
  if (named === undefined || !neverConnected(error)) return error
  const proxy = redactUrl(named.proxy).replace(/\/$/, "")
  const { reason } = networkFailure(error) ?? { reason: "no connection" }
  return new ProxyUnreachable(`the proxy ${proxy}, which ${named.variable} names, can't be used: ${reason}`, {
    cause: error,
  })
}
