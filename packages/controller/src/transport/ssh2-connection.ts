import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { Duplex } from "node:stream"
import ssh2, { type Client } from "ssh2"
import { readHostKey, type HostKeyCheck, type Notice } from "./host-key.ts"
import { noSshServerHint } from "./no-ssh-server-hint.ts"
import type { Prompter } from "./prompter.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import type { SshSettings } from "./ssh-settings.ts"
import { unreachable, type SshCarrier } from "./ssh-socket.ts"
import { chooseAlgorithms } from "./ssh2-algorithms.ts"
import { SshAuthentication } from "./ssh2-authentication.ts"
import {
  isIdentified,
  observeFailures,
  offerAgent,
  postponeKeepalive,
  requestServiceAhead,
  signWithoutAsking,
} from "./ssh2-internals.ts"

export interface ConnectOptions {
  prompter: Prompter
  onNotice: Notice
  signal: AbortSignal
  onStage?: SshConnectOptions["onStage"]
}

/** A connection that is logged in. */
export interface SshConnection {
  readonly client: Client
  /** Settles with the reason when the link breaks; never when it is closed on purpose. */
  readonly lost: Promise<Error>
  /** Ends it in good order. */
  close(): void
}

/** `details.reason` of UNREACHABLE where the two ends have no way to encrypt in common. */
export const NO_COMMON_ALGORITHM = "no-common-algorithm"

/** From the last answer to giving up, while logging in; sshd itself allows two minutes for all of it. */
const LOGIN_TIMEOUT = 60_000

/**
 * Runs the SSH protocol over a stream until the person is logged in. Begins at once: nobody else listens to the stream.
 *
 * @throws DatamaestroError UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, AUTHENTICATION_FAILED, CONNECTION_LOST
 */
export async function logIn(
  settings: SshSettings,
  carrier: SshCarrier,
  check: HostKeyCheck,
  options: ConnectOptions,
): Promise<SshConnection> {
  const { prompter, onNotice, signal } = options
  const { algorithms: preferences, compression } = settings
  const algorithms = chooseAlgorithms(preferences, compression, check.knownTypes, (message) =>
    onNotice("warning", message),
  )
  const client = new ssh2.Client()
  let phase: "greeting" | "key exchange" | "log-in" | "ready" | "closed" = "greeting"
  let hostKeyError: unknown
  let acceptedKey: Buffer | undefined
  let reportLoss: (error: Error) => void = () => undefined
  const lost = new Promise<Error>((resolve) => (reportLoss = resolve))
  let markAlgorithmsKnown: () => void = () => undefined
  const algorithmsKnown = new Promise<void>((resolve) => (markAlgorithmsKnown = resolve))

  let timer: NodeJS.Timeout | undefined
  let asking = 0
  let fail: (error: unknown) => void = () => undefined
  const restartDeadline = (): void => {
    clearTimeout(timer)
    if (phase === "ready" || phase === "closed" || asking > 0) return
    const limit = phase === "log-in" ? Math.max(LOGIN_TIMEOUT, settings.connectTimeout) : settings.connectTimeout
    timer = setTimeout(() => fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), limit)
  }
  const whileAsking = async <T>(question: () => Promise<T>): Promise<T> => {
    asking++
    clearTimeout(timer)
    try {
      return await question()
    } finally {
      asking--
      restartDeadline()
    }
  }
  const authentication = new SshAuthentication({ settings, prompter, onNotice, algorithmsKnown, whileAsking })

  const verifyHostKey = (blob: Buffer, decide: (accepted: boolean) => void): void => {
    // Keys are exchanged again during long transfers: it must stay the same server, and nobody is asked twice.
    if (acceptedKey !== undefined) return decide(acceptedKey.equals(blob))
    const asker: Prompter = {
      available: prompter.available,
      ask: (question) => whileAsking(() => prompter.ask(question)),
    }
    check.verify(readHostKey(blob), asker, onNotice).then(
      () => {
        acceptedKey = blob
        options.onStage?.("host key", readHostKey(blob).fingerprint)
        decide(true)
      },
      (error: unknown) => {
        hostKeyError = error
        decide(false)
      },
    )
  }

  const classify = (cause: unknown): unknown => {
    if (signal.aborted) return interrupted()
    if (hostKeyError !== undefined) return hostKeyError
    if (authentication.error !== undefined) return authentication.error
    return classifyFailure(settings, client, phase, authentication, carrier, cause)
  }

  const close = (): void => {
    if (phase === "closed") return
    phase = "closed"
    clearTimeout(timer)
    client.end()
    // A peer that is gone never answers: what was said goodbye to is not waited for.
    setTimeout(() => carrier.close(), 100).unref()
  }

  const afterLastWords = async (run: () => void): Promise<void> => {
    await carrier.silent()
    run()
  }

  try {
    await new Promise<void>((resolve, reject) => {
      let lastError: unknown
      fail = (error) => {
        if (signal.aborted) reject(classify(error))
        else void afterLastWords(() => reject(classify(error)))
      }
      signal.addEventListener("abort", fail, { once: true })
      client.on("handshake", () => {
        if (phase === "greeting" || phase === "key exchange") phase = "log-in"
        restartDeadline()
      })
      client.on("ready", () => {
        phase = "ready"
        clearTimeout(timer)
        noticeLife(client, carrier.stream)
        options.onStage?.("authenticate", authentication.succeeded)
        resolve()
      })
      client.on("error", (error) => {
        // A key that could not sign is one key less, no broken connection.
        if (error.level === "agent") return authentication.signingFailed(error)
        lastError ??= error
        if (phase === "ready") reportLoss(connectionLost(settings, error))
        else fail(error)
      })
      client.on("close", () => {
        if (phase === "ready") reportLoss(connectionLost(settings, lastError))
        else if (phase !== "closed") fail(lastError)
      })
      client.connect({
        sock: carrier.stream,
        username: settings.user,
        algorithms,
        hostVerifier: verifyHostKey,
        ...(settings.forwardAgent === undefined ? {} : { agent: settings.forwardAgent }),
        readyTimeout: 0,
        keepaliveInterval: settings.keepaliveInterval,
        keepaliveCountMax: settings.keepaliveCount,
        authHandler: (_methods, _partial, next) => {
          restartDeadline()
          const attempt = async (): Promise<void> => {
            const method = await authentication.next()
            next(method as Exclude<typeof method, false>)
          }
          void attempt()
        },
      })
      observeFailures(client, authentication)
      if (settings.forwardAgent !== undefined) offerAgent(client)
      signWithoutAsking(client, authentication)
      requestServiceAhead(client, markAlgorithmsKnown)
      restartDeadline()
      // What ended while nobody listened yet.
      if (carrier.stream.destroyed || signal.aborted) fail(undefined)
    })
  } catch (error) {
    phase = "closed"
    clearTimeout(timer)
    client.on("error", () => undefined)
    client.destroy()
    carrier.close()
    throw error
  } finally {
    signal.removeEventListener("abort", fail)
  }
  return { client, lost, close }
}

/**
 * Bytes from the server count as life, at most once a second; a slow upload must not look like a dead link. Only for
 * a connection that is logged in: this also starts the keepalive, which no server understands before.
 */
function noticeLife(client: Client, stream: Duplex): void {
  let last = 0
  stream.on("data", () => {
    const now = Date.now()
    if (now - last < 1000) return
    last = now
    postponeKeepalive(client)
  })
}

function classifyFailure(
  settings: SshSettings,
  client: Client,
  phase: string,
  authentication: SshAuthentication,
  carrier: SshCarrier,
  cause: unknown,
): DatamaestroError {
  const { label, hostName, port } = settings
  const machine = `"${label}" (${hostName}, port ${port})`
  const details = { host: label, hostName, port }
  const reason = cause instanceof Error ? cause.message : "the connection was closed"
  if (!isIdentified(client)) {
    const complaint = carrier.complaint()
    if (complaint !== "") {
      return new DatamaestroError("UNREACHABLE", `Cannot reach ${machine}: its ProxyCommand says: ${complaint}`, {
        hint: "run the command by hand to see what it lacks",
        details,
        cause,
      })
    }
    const timedOut = cause instanceof Error && "code" in cause && cause.code === "ETIMEDOUT"
    if (settings.proxyCommand !== undefined) {
      const end = timedOut ? `said nothing within ${settings.connectTimeout / 1000} s` : "ended without an answer"
      return new DatamaestroError("UNREACHABLE", `Cannot reach ${machine}: its ProxyCommand ${end}`, {
        hint: `run it by hand to see what it lacks: ${settings.proxyCommand}`,
        details,
        cause,
      })
    }
    const state = timedOut
      ? `it accepted the connection but said nothing within ${settings.connectTimeout / 1000} s`
      : "it closed the connection without answering as an SSH server"
    return new DatamaestroError("UNREACHABLE", `Cannot reach ${machine}: ${state}`, {
      hint: noSshServerHint(port),
      details,
      cause,
    })
  }
  if (phase === "log-in" && !isLinkFailure(cause)) return authentication.failure(cause)
  if (/no matching/i.test(reason)) {
    return new DatamaestroError("UNREACHABLE", `Cannot agree with ${machine} on how to encrypt: ${reason}`, {
      hint: 'the server is old or strictly configured: compare "ssh -vv" and allow what it has by -o KexAlgorithms, Ciphers, MACs or HostKeyAlgorithms',
      details: { ...details, reason: NO_COMMON_ALGORITHM },
      cause,
    })
  }
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string" && phase === "greeting") {
    return unreachable(settings, cause)
  }
  return connectionLost(settings, cause, phase)
}

/** Whether the link broke, rather than the server or we having had enough of log-ins. */
function isLinkFailure(cause: unknown): boolean {
  if (!(cause instanceof Error)) return true
  if ("level" in cause && cause.level === "client-authentication") return false
  return !/authentication failures|no more auth/i.test(cause.message)
}

function connectionLost(settings: SshSettings, cause: unknown, phase = "ready"): DatamaestroError {
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
