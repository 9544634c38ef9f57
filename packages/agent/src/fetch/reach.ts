import { dispatcherFor } from "@datamaestro/outgoing"
import { blameProxy } from "./blame-proxy.ts"
import { discard } from "./exchange.ts"
import type { Environment } from "@datamaestro/outgoing"
import { networkFailure } from "./retry-policy.ts"

const SECONDS = 10

/**
 * Asks a server for an answer, as downloads would: through the proxy and with the certificates of the environment.
 *
 * @returns the HTTP status, or why there was no answer
 */
export async function reach(
  address: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ status?: number; failure?: string }> {
  const url = new URL(address)
  try {
    const dispatcher = dispatcherFor(url, environment, { connectSeconds: SECONDS })
    const { statusCode, body } = await dispatcher
      .request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: "HEAD",
        headersTimeout: SECONDS * 1000,
        signal: AbortSignal.any([signal, AbortSignal.timeout(2 * SECONDS * 1000)]),
      })
      .catch((error: unknown) => {
        throw blameProxy(error, url, environment)
      })
    await discard(body)
    return { status: statusCode }
  } catch (error) {
    signal.throwIfAborted()
    return { failure: networkFailure(error)?.reason ?? (error instanceof Error ? error.message : String(error)) }
  }
}
