import type { Client, ParsedKey } from "ssh2"
import type { SshAuthentication } from "./ssh2-authentication.ts"
import { signWith, type SignatureHash } from "./key-candidate.ts"

/**
 * The parts of ssh2 1.17 that we reach into, each for a round trip or for knowledge that it keeps to itself.
 * The version is pinned; a missing part costs the round trip, nothing else.
 */
interface ClientInternals {
  _protocol?: {
    service?: (name: string) => void
    authPK?: (user: string, key: ParsedKey, algorithm?: string, sign?: SignCallback) => void
    env?: (channel: number, name: string, value: string, wantReply: boolean) => void
    exec?: (channel: number, command: string, wantReply: boolean) => void
    openssh_agentForward?: (channel: number, wantReply: boolean) => void
    ping?: () => void
    rekey?: () => void
    _handlers?: Record<string, ((...args: never[]) => void) | undefined>
  }
  /** The server's version, once its identification has arrived. */
  _remoteVer?: string
  /** Whether the server may open channels to the agent. */
  _agentFwdEnabled?: boolean
  /** Puts off the next keepalive. */
  _resetKA?: () => void
  /** What waits for the answers to global requests, in order. */
  _callbacks?: (() => void)[]
}

type SignCallback = (data: Buffer, done: (signature: Buffer) => void) => void

const HASH_OF_ALGORITHM: Readonly<Record<string, SignatureHash>> = {
  "rsa-sha2-512": "sha512",
  "rsa-sha2-256": "sha256",
  "ssh-rsa": "sha1",
}

/** Whether the other side has identified itself as an SSH server. */
export function isIdentified(client: Client): boolean {
  return (client as ClientInternals)._remoteVer !== undefined
}

/** Any byte from the server is a sign of life; ssh2 counts only answers to what it asks. */
export function postponeKeepalive(client: Client): void {
  ;(client as ClientInternals)._resetKA?.()
}

/**
 * Learns the server's answer to every attempt, also of keys that ssh2 takes for an agent's: it forgets a partial
 * success of these.
 */
export function observeFailures(client: Client, authentication: SshAuthentication): void {
  const handlers = (client as ClientInternals)._protocol?._handlers
  const original = handlers?.["USERAUTH_FAILURE"] as ((...args: unknown[]) => void) | undefined
  if (handlers === undefined || original === undefined) return
  handlers["USERAUTH_FAILURE"] = (protocol: unknown, methods: string[], partial: boolean): void => {
    authentication.failed(methods, partial)
    original(protocol, methods, partial)
  }
}

/**
 * Saves a round trip: a key whose private half is at hand is used at once, instead of first asking whether it would
 * do. A key that won't do counts as one failed attempt with the server either way.
 */
export function signWithoutAsking(client: Client, authentication: SshAuthentication): void {
  const protocol = (client as ClientInternals)._protocol
  const original = protocol?.authPK
  if (protocol === undefined || original === undefined) return
  protocol.authPK = function (user, key, algorithm, sign) {
    const own = authentication.openKey
    if (sign !== undefined || own === undefined || own !== key) return original.call(this, user, key, algorithm, sign)
    original.call(this, user, key, algorithm, (data, done) => {
      done(signWith(own, data, algorithm === undefined ? undefined : HASH_OF_ALGORITHM[algorithm]))
    })
  }
}

/**
 * Saves another: the first attempt to log in leaves together with the request for the service that takes it, which
 * RFC 4253 section 10 lets no server refuse without hanging up.
 *
 * @param onAccepted called when the server has answered that request: what it says before is known by then
 */
export function requestServiceAhead(client: Client, onAccepted: () => void): void {
  const protocol = (client as ClientInternals)._protocol
  const handlers = protocol?._handlers
  const service = protocol?.service
  const accepted = handlers?.["SERVICE_ACCEPT"] as ((protocol: unknown, name: string) => void) | undefined
  if (protocol === undefined || handlers === undefined || service === undefined || accepted === undefined) {
    return onAccepted()
  }
  handlers["SERVICE_ACCEPT"] = () => onAccepted()
  protocol.service = function (name) {
    service.call(this, name)
    accepted(this, name)
  }
}

/**
 * Saves the last: the command leaves together with the request for the channel it will run in. To be called right
 * after the connection's first `client.exec`. The channel's number is the server's to give; OpenSSH takes the lowest
 * free one, so the first is 0. With other servers nothing is guessed.
 */
export function sendCommandAhead(client: Client, command: string, environment: Readonly<Record<string, string>>): void {
  const { _protocol: protocol, _remoteVer: version = "" } = client as ClientInternals
  const { env, exec } = protocol ?? {}
  if (protocol === undefined || env === undefined || exec === undefined || !version.startsWith("OpenSSH_")) return
  for (const [name, value] of Object.entries(environment)) env.call(protocol, 0, name, value, false)
  exec.call(protocol, 0, command, true)
  // What ssh2 sends once the channel is there has left already; only the answer is still to come.
  protocol.env = () => undefined
  protocol.exec = (channel, line, wantReply) => {
    protocol.env = env
    protocol.exec = exec
    if (channel === 0) return
    for (const [name, value] of Object.entries(environment)) env.call(protocol, channel, name, value, false)
    exec.call(protocol, channel, line, wantReply)
  }
}

/**
 * Lets every command use the agent that the client was given. ssh2's own way takes a server's refusal for a failure of
 * the command; as OpenSSH's client, this asks for no answer.
 */
export function offerAgent(client: Client): void {
  const internals = client as ClientInternals
  const { _protocol: protocol } = internals
  const { exec, openssh_agentForward: forward } = protocol ?? {}
  if (protocol === undefined || exec === undefined || forward === undefined) return
  internals._agentFwdEnabled = true
  protocol.exec = function (channel, command, wantReply) {
    forward.call(this, channel, false)
    exec.call(this, channel, command, wantReply)
  }
}

/** Begins a new exchange of keys, unless one is under way. */
export function exchangeKeys(client: Client): void {
  ;(client as ClientInternals)._protocol?.rekey?.()
}

/** Asks the server for a sign of life now; settles when it has come. Where ssh2 can't be asked to, at once. */
export function askForLife(client: Client): Promise<void> {
  const { _protocol: protocol, _callbacks: callbacks } = client as ClientInternals
  if (protocol?.ping === undefined || callbacks === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    callbacks.push(() => resolve())
    protocol.ping?.()
  })
}
