import type { FetchTuning } from "./fetch-types.ts"
import { ProxyRefused, ProxyUnreachable } from "./proxy-unreachable.ts"
import { namesTime, retryAfter } from "./retry-after.ts"

/** A failure of one attempt after which the same source is worth another. */
export class Retryable extends Error {
  /** Seconds that the server asked to wait, at least. */
  readonly floor: number
  /** After how many bytes of the content the connection ended, early and in good order; 0: it was no such end. */
  readonly endedAt: number

  constructor(reason: string, options: { floor?: number; endedAt?: number; cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.floor = options.floor ?? 0
    this.endedAt = options.endedAt ?? 0
  }
}

/** Seconds before the next attempt: exponential with full jitter, never less than what the server asked for. */
export function retryDelay(
  failures: number,
  floor: number,
  tuning: Pick<FetchTuning, "firstDelaySeconds" | "longestDelaySeconds">,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(tuning.longestDelaySeconds, tuning.firstDelaySeconds * 2 ** (failures - 1))
  // Those who were told the same time must not come back in the same moment.
  return floor + random() * ceiling
}

/** The server has yet to make what was asked for. */
const ACCEPTED = 202

/** What an answer asks for that promises another one later; GitHub tells by 403, with when to come back, who asks too often. */
export function askedToRetry(
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
): Retryable | undefined {
  if (!isRetryableStatus(status) && !(status === 403 && namesTime(headers))) return undefined
  const still = status === ACCEPTED ? " (it has yet to make the file)" : ""
  return new Retryable(`the server answered ${status}${still}`, { floor: retryAfter(headers) })
}

export function isRetryableStatus(status: number): boolean {
  return status === ACCEPTED || status === 408 || status === 425 || status === 429 || status >= 500
}

const HTTP2_ONLY = "the server speaks HTTP/2 only, and HTTP/1.1 is needed"

const SPEAKS_TLS = "HPE_TLS"

const PERMANENT_NETWORK: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host is unknown",
  ERR_INVALID_URL: "the URL is not valid",
  UND_ERR_INVALID_ARG: "the request is not valid",
  UND_ERR_HEADERS_OVERFLOW: "the server's answer has too many headers",
  HPE_INVALID_CONTENT_LENGTH:
    "the server's answer gives no single length (Content-Length twice, beside chunks, or no number)",
  HPE_PRELIMINARY: "the server sends preliminary answers (1xx) without end",
  HPE_HEADER_LINES:
    "the headers of the server's answer are not HTTP's (a line ends in LF alone, or goes on in the next)",
  HPE_HTTP2: HTTP2_ONLY,
  [SPEAKS_TLS]: "TLS is spoken there (is it https://, not http://?)",
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: HTTP2_ONLY,
  ERR_SSL_WRONG_VERSION_NUMBER: "no TLS is spoken there (is it http://, not https://?)",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the server wants a client's certificate, and none can be given",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    "the server refused the TLS handshake (it wants a client's certificate, which can't be given, or other ciphers)",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "the server speaks another version of TLS only",
}

const RETRYABLE_NETWORK: Readonly<Record<string, string>> = {
  EAI_AGAIN: "the name server does not answer",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
  ENETDOWN: "the network is down",
  EPIPE: "the connection was closed",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "no byte came for too long",
  UND_ERR_SOCKET: "the server closed the connection",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the server closed the connection",
  HTTPParserError: "the server's answer is not HTTP",
  // What undici asserts of an answer it did not foresee, such as the status 000.
  ERR_ASSERTION: "the server's answer is not HTTP",
}

/** What an error of the network means: whether another attempt helps, and why it failed in words. */
export function networkFailure(error: unknown): { retry: boolean; reason: string; certificate: boolean } | undefined {
  if (error instanceof ProxyRefused) {
    return { retry: isRetryableStatus(error.status), reason: error.message, certificate: false }
  }
  const proxy = error instanceof ProxyUnreachable ? error.message : undefined
  const code = errorCode(error)
  if (code === undefined) return proxy === undefined ? undefined : { retry: true, reason: proxy, certificate: false }
  // Of a relay, whose machine has no other code for it.
  if (code === "FAILED") {
    return { retry: true, reason: `the controller can't ask for it: ${(error as Error).message}`, certificate: false }
  }
  const permanent = PERMANENT_NETWORK[code]
  if (permanent !== undefined) return { retry: false, reason: proxy ?? permanent, certificate: false }
  const retryable = RETRYABLE_NETWORK[code]
  if (retryable !== undefined) return { retry: true, reason: proxy ?? retryable, certificate: false }
  if (code.startsWith("CERT_") || code.startsWith("ERR_TLS_") || /_CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    const reason = proxy ?? `its certificate is not accepted (${code})`
    return { retry: false, reason, certificate: true }
  }
  if (code.startsWith("UND_ERR_") || code.startsWith("HPE_") || code.startsWith("ERR_SSL_") || code === "EPROTO") {
    return { retry: true, reason: proxy ?? `the connection failed (${code})`, certificate: false }
  }
  return undefined
}

const NEVER_CONNECTED = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
])

/** Whether it failed before any server was reached. */
export function neverConnected(error: unknown): boolean {
  return NEVER_CONNECTED.has(errorCode(error) ?? "")
}

/** Whether what answered speaks TLS, where plain text was spoken to it. */
export function speaksTls(error: unknown): boolean {
  return errorCode(error) === SPEAKS_TLS
}

/** The code of the error or of the first cause that has one; of several addresses tried, the first one's. */
function errorCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code, name } = at as NodeJS.ErrnoException
    if (typeof code === "string") return code
    if (name === "HTTPParserError") return name
    if (at instanceof AggregateError) return errorCode(at.errors[0])
  }
  return undefined
}
