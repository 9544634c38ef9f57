/** What a SOCKS proxy answers to the wish for a connection (RFC 1928, section 6), as undici names it. */
const REPLIES: Readonly<Record<string, string>> = {
  REPLY_1: "it failed",
  REPLY_2: "its rules do not allow this connection",
  REPLY_3: "from there the network is unreachable",
  REPLY_4: "from there the host is unreachable, or unknown",
  REPLY_5: "from there the connection was refused",
  REPLY_6: "from there the host does not answer",
  AUTH_REJECTED: "it wants a login (socks5://user:password@proxy:port)",
  AUTH_FAILED: "it does not accept the login",
}

/** Why a SOCKS proxy made no connection; `undefined` where the failure is another one. */
export function socksFailure(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // Those are errors without a code.
  if (/^SOCKS5 \w+ timeout$/.test(error.message)) return "it does not answer"
  const [, name] = /^UND_ERR_SOCKS5_(\w+)$/.exec((error as NodeJS.ErrnoException).code ?? "") ?? []
  return name === undefined ? undefined : (REPLIES[name] ?? "it does not speak SOCKS 5 as it should")
}
