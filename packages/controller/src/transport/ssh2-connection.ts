import { interrupted } from "@datamaestro/protocol"
import { setMaxListeners } from "node:events"
import type { Duplex } from "node:stream"
import ssh2, { type Client } from "ssh2"
import type { HostKeyCheck, Notice } from "./host-key.ts"
import { HostKeyVerifier } from "./host-key-verifier.ts"
import { LoginDeadline } from "./login-deadline.ts"
import type { Prompter } from "./prompter.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshCarrier } from "./ssh-socket.ts"
import { chooseAlgorithms } from "./ssh2-algorithms.ts"
import { SshAuthentication } from "./ssh2-authentication.ts"
import { classifyFailure, connectionLost, type LoginPhase } from "./ssh2-failure.ts"
import {
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
  /** Aborts with the reason, an `Error`, when the link breaks; never when it is closed on purpose. */
  readonly lost: AbortSignal
  /** Ends it in good order. */
  close(): void
}

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
  let phase: LoginPhase = "greeting"
  const loss = new AbortController()
  // Each channel listens for as long as it lasts.
  setMaxListeners(0, loss.signal)
  let markAlgorithmsKnown: () => void = () => undefined
  const algorithmsKnown = new Promise<void>((resolve) => (markAlgorithmsKnown = resolve))

  let fail: (error: unknown) => void = () => undefined
  const deadline = new LoginDeadline(
    () => (phase === "log-in" ? Math.max(LOGIN_TIMEOUT, settings.connectTimeout) : settings.connectTimeout),
    () => fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
  )
  const whileAsking = <T>(question: () => Promise<T>): Promise<T> => deadline.whileAsking(question)
  const authentication = new SshAuthentication({ settings, prompter, onNotice, algorithmsKnown, whileAsking })
  const hostKey = new HostKeyVerifier({
    check,
    asker: {
      get available() {
        return prompter.available
      },
      ask: (question) => whileAsking(() => prompter.ask(question)),
    },
    onNotice,
    onAccepted: (fingerprint) => options.onStage?.("host key", fingerprint),
  })

  const classify = (cause: unknown): unknown => {
    if (signal.aborted) return interrupted()
    if (hostKey.error !== undefined) return hostKey.error
    if (authentication.error !== undefined) return authentication.error
    return classifyFailure(settings, client, phase, authentication, carrier, cause)
  }

  const close = (): void => {
    if (phase === "closed") return
    phase = "closed"
    deadline.stop()
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
        if (phase === "greeting") phase = "log-in"
        deadline.restart()
      })
      client.on("ready", () => {
        phase = "ready"
        deadline.stop()
        noticeLife(client, carrier.stream)
        options.onStage?.("authenticate", authentication.succeeded)
        resolve()
      })
      client.on("error", (error) => {
        // A key that could not sign is one key less, no broken connection.
        if (error.level === "agent") return authentication.signingFailed(error)
        lastError ??= error
        if (phase === "ready") loss.abort(connectionLost(settings, error))
        else fail(error)
      })
      client.on("close", () => {
        if (phase === "ready") loss.abort(connectionLost(settings, lastError))
        else if (phase !== "closed") fail(lastError)
      })
      client.connect({
        sock: carrier.stream,
        username: settings.user,
        algorithms,
        hostVerifier: (key: Buffer, decide: (accepted: boolean) => void) => hostKey.verify(key, decide),
        ...(settings.forwardAgent === undefined ? {} : { agent: settings.forwardAgent }),
        readyTimeout: 0,
        keepaliveInterval: settings.keepaliveInterval,
        keepaliveCountMax: settings.keepaliveCount,
        authHandler: (_methods, _partial, next) => {
          deadline.restart()
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
      deadline.restart()
      // What ended while nobody listened yet.
      if (carrier.stream.destroyed || signal.aborted) fail(undefined)
    })
  } catch (error) {
    phase = "closed"
    deadline.stop()
    client.on("error", () => undefined)
    client.destroy()
    carrier.close()
    throw error
  } finally {
    signal.removeEventListener("abort", fail)
  }
  return { client, lost: loss.signal, close }
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
