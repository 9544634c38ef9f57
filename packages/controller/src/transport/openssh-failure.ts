import { DatamaestroError, type ErrorCode } from "@datamaestro/protocol"
import { noSshServerHint } from "./no-ssh-server-hint.ts"
import { printable } from "./printable.ts"
import { sshCommand } from "./ssh-command.ts"
import { HUNG_UP } from "./unless-hung-up.ts"
import type { UserCertificate } from "./user-certificates.ts"

export interface OpensshFailure {
  label: string
  hostName: string
  port: number
  user: string
  /** What `ssh` wrote to its stderr. */
  stderr: string
  /** Whether anything could be asked. */
  mayAsk: boolean
  /** Whether a host key may be new; it may where this is not known. */
  takesNewHostKeys?: boolean
  /** The command that leads there, where one is configured. */
  proxyCommand?: string | undefined
  /** The person's certificates. */
  certificates?: readonly UserCertificate[]
  /** What its ProxyCommand or jump host said, where that is why. */
  proxySaid?: string | undefined
  /** That was one for a moment only, or the jump host hangs up at once, as it may do for a moment. */
  proxyHungUp?: boolean | undefined
}

interface Kind {
  pattern: RegExp
  code: ErrorCode
  verb: string
  hint: (failure: OpensshFailure) => string
}

/** What ssh says where its ProxyCommand or jump host has made no connection. */
export const PROXY_ENDED = /(kex_exchange_identification|banner exchange)[^]*UNKNOWN port 65535/i

/** What ssh says where the server has hung up at once. */
const NO_WORD = /^kex_exchange_identification: (read: )?connection (closed|reset) by/im

/** What ssh itself says of such a way, among which the reason stands; and the command that trusts a changed host key. */
export const SSH_WITHOUT_PROXY =
  /^(kex_exchange_identification: |banner exchange: |connection (closed|timed out|to unknown|reset)\b|@.*@$|\s+(remove with:|ssh-keygen ))/i

/** What ssh says of a host key's certificate by an authority that is trusted. */
const CERTIFICATE_INVALID = /certificate invalid: (.*)/i

/** The words of OpenSSH's client (its versions 7 to 10) for what can go wrong, the most telling first. */
const KINDS: readonly Kind[] = [
  {
    pattern:
      /bad configuration option|terminating, \d+ bad|bad owner or permissions|unsupported option|percent_expand|tilde_expand|can't open user config|in revoked keys file|keyword .* (missing|invalid|extra)/i,
    code: "SSH_CONFIGURATION",
    verb: "Cannot use the SSH configuration of",
    hint: () => "correct the line that ssh names",
  },
  {
    pattern: /is revoked|marked as revoked|revoked by file/i,
    code: "HOST_KEY_CHANGED",
    verb: "Cannot trust",
    hint: () => "the key is known to be in wrong hands: ask the machine's administrators for the new one",
  },
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed/i,
    code: "HOST_KEY_CHANGED",
    verb: "Cannot trust",
    hint: ({ hostName, port, stderr }) =>
      "someone may be listening in, or the machine was installed anew: ask its administrators; if they confirm the " +
      `new fingerprint, remove the old key with: ${removal(stderr) ?? `ssh-keygen -R "${port === 22 ? hostName : `[${hostName}]:${port}`}"`}`,
  },
  {
    pattern: CERTIFICATE_INVALID,
    code: "HOST_KEY_UNKNOWN",
    verb: "Cannot trust",
    hint: ({ stderr, hostName }) => {
      const reason = CERTIFICATE_INVALID.exec(stderr)?.[1] ?? ""
      if (/expired|not yet valid/i.test(reason)) {
        return "see that the clock of this machine is right; if it is, ask the machine's administrators to renew the certificate of its host key"
      }
      if (/principal/i.test(reason)) {
        return `name the machine as its host key's certificate does, by HostName or HostKeyAlias: that is not for "${hostName}"; its administrators know the names`
      }
      return "ask the machine's administrators for a proper certificate of its host key"
    },
  },
  {
    pattern: /host key verification failed|no .* host key is known/i,
    code: "HOST_KEY_UNKNOWN",
    verb: "Cannot trust",
    hint: ({ label, takesNewHostKeys = true }) =>
      "compare the fingerprint with what its administrators publish, then " +
      (takesNewHostKeys
        ? `connect once with "${sshCommand(label)}", or accept it with -o StrictHostKeyChecking=accept-new`
        : 'name a file for it by UserKnownHostsFile, which is "none"; it may be /dev/null'),
  },
  {
    pattern: /permission denied|too many authentication failures|no more authentication methods|authentication failed/i,
    code: "AUTHENTICATION_FAILED",
    verb: "Cannot log in to",
    hint: ({ stderr, label, user, mayAsk, certificates = [] }) => {
      // What somebody typed was refused, and no key's turn was missed.
      const asked = /please try again/i.test(stderr)
      if (!asked && /too many authentication failures/i.test(stderr)) {
        return "the server hung up before the right key had its turn: name it with -i and add -o IdentitiesOnly=yes"
      }
      const terminal = mayAsk ? "" : "; run it on a terminal to be asked: nothing could be asked here"
      const own = certificateHint(certificates, user)
      if (own !== undefined) return `${own}; then check that "${sshCommand(label)}" works${terminal}`
      return `check that "${sshCommand(label)}" works; with Kerberos, that "klist" shows a ticket; name a key with -i or load it with ssh-add${terminal}`
    },
  },
  {
    pattern: /unable to negotiate|no matching .* found/i,
    code: "UNREACHABLE",
    verb: "Cannot agree on how to encrypt with",
    hint: () =>
      "the server is old or strictly configured: allow what it has by -o KexAlgorithms, Ciphers, MACs or HostKeyAlgorithms",
  },
  {
    pattern: /could not resolve hostname/i,
    code: "UNREACHABLE",
    verb: "Cannot reach",
    hint: ({ hostName }) => `check the spelling of "${hostName}", the network and the name server`,
  },
  {
    pattern:
      /banner line (too long|contains invalid)|no ssh version received|invalid SSH identification|server sent invalid characters/i,
    code: "UNREACHABLE",
    verb: "Cannot reach",
    hint: ({ port, proxyCommand }) =>
      proxyCommand === undefined
        ? noSshServerHint(port)
        : `run its ProxyCommand by hand: what it prints is to begin with the server's "SSH-2.0-": ${proxyCommand}`,
  },
  {
    pattern: PROXY_ENDED,
    code: "UNREACHABLE",
    verb: "Cannot reach",
    hint: ({ label, proxySaid }) =>
      proxySaid === undefined
        ? `its ProxyCommand or jump host makes no connection: "${sshCommand(label)}" shows what that says`
        : `check that "${sshCommand(label)}" works: it goes the same way, and shows all that is said there`,
  },
  {
    pattern: /banner exchange|kex_exchange_identification/i,
    code: "UNREACHABLE",
    verb: "Cannot reach",
    hint: ({ port }) => noSshServerHint(port),
  },
  {
    pattern:
      /connect to (host|address)|stdio forwarding failed|open failed|connection refused|no route to host|network is unreachable/i,
    code: "UNREACHABLE",
    verb: "Cannot reach",
    hint: ({ port }) =>
      `check the network, VPN and firewall, and that an SSH server listens on port ${port}; -o ConnectTimeout=SECONDS waits longer`,
  },
]

/** A failure of `ssh` as one of ours, told in its own words. */
export function opensshFailure(failure: OpensshFailure): DatamaestroError {
  const { label, hostName, port, user, stderr, proxySaid } = failure
  const kind = KINDS.find(({ pattern }) => pattern.test(stderr))
  const said = proxySaid === undefined ? lastWords(stderr) : `its ProxyCommand or jump host says: ${proxySaid}`
  const hungUp = failure.proxyHungUp ?? (NO_WORD.test(stderr) && !PROXY_ENDED.test(stderr))
  const reason = hungUp ? { reason: HUNG_UP } : {}
  const details = { host: label, hostName, port, user, ...reason, printed: printable(stderr).slice(-2000) }
  const machine = `"${label}" (${hostName}, port ${port})`
  if (kind === undefined) {
    return new DatamaestroError("CONNECTION_LOST", `Lost the connection to ${machine}: ${said}`, {
      hint: "check the network and run the same command again: finished and partial downloads are kept",
      details,
    })
  }
  const who = kind.code === "AUTHENTICATION_FAILED" ? `"${label}" as "${user}" (${hostName}, port ${port})` : machine
  return new DatamaestroError(kind.code, `${kind.verb} ${who}: ${said}`, { hint: kind.hint(failure), details })
}

/** What may be wrong with a person's certificates. */
function certificateHint(certificates: readonly UserCertificate[], user: string): string | undefined {
  if (certificates.length === 0) return undefined
  const over = certificates.filter(({ end }) => end <= Date.now())
  if (over.length > 0) {
    const list = over.map(({ name, end }) => `${name} (${new Date(end).toISOString()})`)
    return `get a new certificate, as its administrators say: over is ${list.join(", ")}`
  }
  const early = certificates.filter(({ start }) => start > Date.now())
  if (early.length > 0) {
    const list = early.map(({ name, start }) => `${name} (${new Date(start).toISOString()})`)
    return `see that the clock of this machine is right, and the other's: not yet valid is ${list.join(", ")}`
  }
  const others = certificates.filter(({ users }) => users.length > 0 && !users.includes(user))
  if (others.length > 0) {
    const list = others.map(({ name, users }) => `${name} (${users.join(", ")})`)
    return `log in as a user that your certificate is for, or get one for "${user}": for others is ${list.join(", ")}`
  }
  const names = certificates.map(({ name }) => name).join(", ")
  return `ask its administrators whether your certificate is revoked, or of an authority that the server does not trust: it was not taken, ${names}`
}

/** How the key is removed from the very file that has it, which ssh names: `Offending ED25519 key in /path/known_hosts:3`. */
function removal(stderr: string): string | undefined {
  const file = /^offending .*key in (.+):\d+\s*$/im.exec(stderr)?.[1]
  const name = /host key for (\S+) has changed/i.exec(stderr)?.[1]
  return file === undefined || name === undefined ? undefined : `ssh-keygen -f "${file}" -R "${name}"`
}

/** The title of what ssh says of a host key that it accepts all the same, as StrictHostKeyChecking=no has it. */
export const HOST_KEY_WARNING = /^@\s+warning: (.*(?:host|dns).*?)!?\s+@\s*$/i

/** What ssh says of a private key that it leaves out, since others may read it. */
export const OPEN_KEY = /^permissions \d+ for '(.+)' are too open/i

/** What ssh says of a host key that it has recorded, or could not record: no reason for a failure, nor for a question. */
export const HOST_KEY_ADDED = /^(warning: permanently added|failed to add the host)/i

/** The last lines, where ssh says what happened; banners and warnings come before. */
function lastWords(stderr: string): string {
  const lines = printable(stderr)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("@") && !HOST_KEY_ADDED.test(line))
  return lines.slice(-2).join("; ") || "ssh did not say why"
}
