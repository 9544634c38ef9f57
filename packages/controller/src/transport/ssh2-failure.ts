import { DatamaestroError } from "@datamaestro/protocol"
import type { Client } from "ssh2"
import { noSshServerHint } from "./no-ssh-server-hint.ts"
import type { SshSettings } from "./ssh-settings.ts"
import { unreachable, type SshCarrier } from "./ssh-socket.ts"
import type { SshAuthentication } from "./ssh2-authentication.ts"
import { isIdentified } from "./ssh2-internals.ts"
import { HUNG_UP } from "./unless-hung-up.ts"

/** How far a connection has come. Keys are exchanged while it greets. */
export type LoginPhase = "greeting" | "log-in" | "ready" | "closed"

/** `details.reason` of UNREACHABLE where the two ends have no way to encrypt in common. */
export const NO_COMMON_ALGORITHM = "no-common-algorithm"

/** Why a connection that is not logged in yet has failed, by what has happened until then. */
export function classifyFailure(
  settings: SshSettings,
  client: Client,
  phase: LoginPhase,
  authentication: SshAuthentication,
  carrier: SshCarrier,
  cause: unknown,
): DatamaestroError {
  const { label, hostName, port } = settings
  const machine = `"${label}" (${hostName}, port ${port})`
  const details = { host: label, hostName, port }
  const reason = cause instanceof Error ? cause.message : "the connection was closed"
  if (!isIdentified(client) || isNoGreeting(cause)) return notIdentified(settings, carrier, cause)
  if (phase === "log-in" && !isLinkFailure(cause)) return authentication.failure(cause)
  if (/no matching/i.test(reason)) {
    return new DatamaestroError("UNREACHABLE", `Cannot agree with ${machine} on how to encrypt: ${reason}`, {
      hint: 'the server is old or strictly configured: compare "ssh -vv" and allow what it has by -o KexAlgorithms, Ciphers, MACs or HostKeyAlgorithms; what the built-in client lacks, --transport openssh may have',
      details: { ...details, reason: NO_COMMON_ALGORITHM },
      cause,
    })
  }
  if (settings.proxyCommand !== undefined && phase === "greeting") return brokenProxy(settings, carrier, cause)
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string" && phase === "greeting") {
    return unreachable(settings, cause)
  }
  return connectionLost(settings, cause, phase)
}

/** It has not answered as an SSH server. */
function notIdentified(settings: SshSettings, carrier: SshCarrier, cause: unknown): DatamaestroError {
  const complaint = carrier.complaint()
  const { label, hostName, port, proxyCommand, connectTimeout } = settings
  const refused = (state: string, hint: string, details: Record<string, unknown> = {}): DatamaestroError =>
    new DatamaestroError("UNREACHABLE", `Cannot reach "${label}" (${hostName}, port ${port}): ${state}`, {
      hint,
      details: { host: label, hostName, port, ...details },
      cause,
    })
  if (complaint !== "") {
    return refused(`its ProxyCommand says: ${complaint}`, "run the command by hand to see what it lacks")
  }
  const timedOut = cause instanceof Error && "code" in cause && cause.code === "ETIMEDOUT"
  const silent = `said nothing within ${connectTimeout / 1000} s`
  if (proxyCommand !== undefined && (carrier.printed?.() === true || isNoGreeting(cause))) {
    const hint = `run it by hand: what it prints is to begin with the server's "SSH-2.0-": ${proxyCommand}`
    return refused("what its ProxyCommand prints is no greeting of an SSH server", hint)
  }
  if (proxyCommand !== undefined) {
    const state = `its ProxyCommand ${timedOut ? silent : "ended without an answer"}`
    return refused(state, `run it by hand to see what it lacks: ${proxyCommand}`)
  }
  if (timedOut) return refused(`it accepted the connection but ${silent}`, noSshServerHint(port))
  if (isNoGreeting(cause)) return refused("what it says is no greeting of an SSH server", noSshServerHint(port))
  const state = "it closed the connection without answering as an SSH server"
  return refused(state, noSshServerHint(port), { reason: HUNG_UP })
}

/** It has greeted as an SSH server does, and what came then was none of its words, or nothing. */
function brokenProxy(settings: SshSettings, carrier: SshCarrier, cause: unknown): DatamaestroError {
  const { label, hostName, port, proxyCommand, connectTimeout } = settings
  const complaint = carrier.complaint()
  const timedOut = cause instanceof Error && "code" in cause && cause.code === "ETIMEDOUT"
  const foreign = cause instanceof Error && !("code" in cause)
  const state = foreign
    ? `printed what no SSH server says behind its greeting (${cause.message})`
    : timedOut
      ? `said nothing more within ${connectTimeout / 1000} s, behind the server's greeting`
      : "ended behind the server's greeting"
  const told = complaint === "" ? state : `${foreign ? `${state}; it ` : ""}says: ${complaint}`
  return new DatamaestroError(
    "UNREACHABLE",
    `Cannot reach "${label}" (${hostName}, port ${port}): its ProxyCommand ${told}`,
    {
      hint: `check that the server behind it lets you in, and that nothing but its words comes of the command: ${proxyCommand}`,
      details: { host: label, hostName, port },
      cause,
    },
  )
}

/** What ssh2 says of lines that come where a server identifies itself: they are too long, too many, or name no version. */
function isNoGreeting(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    /^(header line too long|max greeting lines|invalid (header|identification))/i.test(cause.message)
  )
}

/** Whether the link broke, rather than the server or we having had enough of log-ins. */
function isLinkFailure(cause: unknown): boolean {
  if (!(cause instanceof Error)) return true
  if ("level" in cause && cause.level === "client-authentication") return false
  return !/authentication failures|no more auth/i.test(cause.message)
}

export function connectionLost(settings: SshSettings, cause: unknown, phase: LoginPhase = "ready"): DatamaestroError {
  const { label, hostName, port } = settings
  const silent = cause instanceof Error && /keepalive timeout|no answer/i.test(cause.message)
  const told = cause instanceof Error && cause.message !== "" ? cause.message : "it was closed from there"
  const waited = (settings.keepaliveInterval / 1000) * settings.keepaliveCount
  const state = silent ? (phase === "ready" ? `no sign of life for ${waited} s` : "no answer") : told
  const when = phase === "ready" ? "" : ` during the ${phase === "greeting" ? "key exchange" : phase}`
  return new DatamaestroError(
    "CONNECTION_LOST",
    `Lost the connection to "${label}" (${hostName}, port ${port})${when}: ${state}`,
    {
      hint: "check the network and run the same command again: finished and partial downloads are kept",
      details: { host: label, hostName, port },
      cause,
    },
  )
}
