import { createHash } from "node:crypto"
import { hostname } from "node:os"

export interface TokenFacts {
  home: string
  localUser: string
  /** As typed. */
  originalHost: string
  hostName: string
  port: string
  user: string
  hostKeyAlias: string | undefined
}

/** What the tokens of paths and of `Match exec` stand for (ssh_config(5), TOKENS). */
export function connectionTokens(facts: TokenFacts): Record<string, string> {
  const machine = hostname()
  const { hostName, port, user, originalHost } = facts
  return {
    C: createHash("sha1").update(`${machine}${hostName}${port}${user}`).digest("hex"),
    d: facts.home,
    h: hostName,
    i: String(process.getuid?.() ?? 0),
    k: facts.hostKeyAlias ?? originalHost,
    L: machine.split(".")[0] ?? "",
    l: machine,
    n: originalHost,
    p: port,
    r: user,
    u: facts.localUser,
  }
}
