import { createHash } from "node:crypto"
import { hostname } from "node:os"
import { parseSshDestination } from "./ssh-destination.ts"

export interface TokenFacts {
  home: string
  localUser: string
  /** As typed. */
  originalHost: string
  hostName: string
  port: string
  user: string
  hostKeyAlias: string | undefined
  /** The last of the hosts that it is reached through, as ProxyJump has it. */
  jump?: string | undefined
}

/** What the tokens of paths and of `Match exec` stand for (ssh_config(5), TOKENS). */
export function connectionTokens(facts: TokenFacts): Record<string, string> {
  const machine = hostname()
  const { hostName, port, user, originalHost } = facts
  const jump = facts.jump === undefined || /^none$/i.test(facts.jump) ? "" : parseSshDestination(facts.jump).host
  return {
    C: createHash("sha1").update(`${machine}${hostName}${port}${user}${jump}`).digest("hex"),
    d: facts.home,
    h: hostName,
    i: String(process.getuid?.() ?? 0),
    j: jump,
    k: facts.hostKeyAlias ?? originalHost,
    L: machine.split(".")[0] ?? "",
    l: machine,
    n: originalHost,
    p: port,
    r: user,
    u: facts.localUser,
  }
}
