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
import { exchangeKeysAgain } from "./ssh2-rekeying.ts"

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
/** How often the keepalive is put off meanwhile, in milliseconds: less than any ServerAliveInterval. */
const SETTING_UP_BEAT = 500

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
  const login = new Login(settings, carrier, check, options)
  const abort = (): void => login.fail(undefined)
  options.signal.addEventListener("abort", abort, { once: true })
  try {
    return await login.run()
  } finally {
    options.signal.removeEventListener("abort", abort)
  }
}

/** One log-in: what the client tells of it, and what comes of it. */
class Login {
  readonly #settings: SshSettings
  readonly #carrier: SshCarrier
  readonly #check: HostKeyCheck
  readonly #options: ConnectOptions
  readonly #client = new ssh2.Client()
  readonly #loss = new AbortController()
  readonly #deadline: LoginDeadline
  readonly #authentication: SshAuthentication
  readonly #hostKey: HostKeyVerifier
  #phase: LoginPhase = "greeting"
  #lastError: unknown
  #markAlgorithmsKnown: () => void = () => undefined
  #succeed: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(settings: SshSettings, carrier: SshCarrier, check: HostKeyCheck, options: ConnectOptions) {
    this.#settings = settings
    this.#carrier = carrier
    this.#check = check
    this.#options = options
    // Each channel listens for as long as it lasts.
    setMaxListeners(0, this.#loss.signal)
    const { prompter, onNotice } = options
    const deadline = new LoginDeadline(
      () => (this.#phase === "log-in" ? Math.max(LOGIN_TIMEOUT, settings.connectTimeout) : settings.connectTimeout),
      () => this.fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
    )
    const whileAsking = <T>(question: () => Promise<T>): Promise<T> => deadline.whileAsking(question)
    const algorithmsKnown = new Promise<void>((resolve) => (this.#markAlgorithmsKnown = resolve))
    this.#deadline = deadline
    this.#authentication = new SshAuthentication({ settings, prompter, onNotice, algorithmsKnown, whileAsking })
    this.#hostKey = new HostKeyVerifier({
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
  }

  async run(): Promise<SshConnection> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#succeed = resolve
        this.#reject = reject
        this.#listen()
        this.#connect()
        // What ended while nobody listened yet.
        if (this.#carrier.stream.destroyed || this.#options.signal.aborted) this.fail(undefined)
      })
    } catch (error) {
      this.#abandon()
      throw error
    }
    return { client: this.#client, lost: this.#loss.signal, close: () => this.#close() }
  }

  /** Ends it for this cause, or for a better one that is known. */
  fail(cause: unknown): void {
    if (this.#options.signal.aborted) return this.#reject(interrupted())
    // What a ProxyCommand says last tells more than that it ended.
    void this.#carrier.silent().then(() => this.#reject(this.#classify(cause)))
  }

  #classify(cause: unknown): unknown {
    if (this.#options.signal.aborted) return interrupted()
    if (this.#hostKey.error !== undefined) return this.#hostKey.error
    if (this.#authentication.error !== undefined) return this.#authentication.error
    return classifyFailure(this.#settings, this.#client, this.#phase, this.#authentication, this.#carrier, cause)
  }

  #listen(): void {
    this.#client.on("handshake", () => {
      if (this.#phase === "greeting") this.#phase = "log-in"
      this.#deadline.restart()
    })
    this.#client.on("ready", () => {
      this.#phase = "ready"
      this.#deadline.stop()
      noticeLife(this.#client, this.#carrier.stream)
      exchangeKeysAgain(this.#client, this.#carrier.stream, this.#settings.rekeyLimit)
      this.#options.onStage?.("authenticate", this.#authentication.succeeded)
      this.#succeed()
    })
    this.#client.on("error", (error) => {
      // A key that could not sign is one key less, no broken connection.
      if (error.level === "agent") return this.#authentication.signingFailed(error)
      this.#lastError ??= error
      this.#broke(error)
    })
    // A socket closes by itself when its other side has ended it; a ProxyCommand and a channel of a jump host wait for
    // this side, which ssh2 never ends, and looks for no signs of life any more.
    this.#client.on("end", () => this.#carrier.stream.destroy())
    this.#client.on("close", () => {
      if (this.#phase !== "closed") this.#broke(this.#lastError)
    })
  }

  #broke(cause: unknown): void {
    if (this.#phase === "ready") this.#loss.abort(connectionLost(this.#settings, cause))
    else this.fail(cause)
  }

  #connect(): void {
    const { user, forwardAgent, keepaliveInterval, keepaliveCount, algorithms, compression } = this.#settings
    this.#client.connect({
      sock: this.#carrier.stream,
      username: user,
      algorithms: chooseAlgorithms(algorithms, compression, this.#check.knownTypes, (message) =>
        this.#options.onNotice("warning", message),
      ),
      hostVerifier: (key: Buffer, decide: (accepted: boolean) => void) => {
        this.#carrier.onAnswer?.()
        this.#hostKey.verify(key, decide)
      },
      ...(forwardAgent === undefined ? {} : { agent: forwardAgent }),
      readyTimeout: 0,
      keepaliveInterval,
      keepaliveCountMax: keepaliveCount,
      authHandler: (_methods, _partial, next) => {
        this.#deadline.restart()
        const attempt = async (): Promise<void> => {
          const method = await this.#authentication.next()
          next(method as Exclude<typeof method, false>)
        }
        void attempt()
      },
    })
    observeFailures(this.#client, this.#authentication)
    if (forwardAgent !== undefined) offerAgent(this.#client)
    signWithoutAsking(this.#client, this.#authentication)
    requestServiceAhead(this.#client, this.#markAlgorithmsKnown)
    this.#deadline.restart()
  }

  #close(): void {
    if (this.#phase === "closed") return
    this.#phase = "closed"
    this.#deadline.stop()
    this.#client.end()
    // A peer that is gone never answers: what was said goodbye to is not waited for.
    setTimeout(() => this.#carrier.close(), 100).unref()
  }

  /** Leaves at once, without a word: it never came to be. */
  #abandon(): void {
    this.#phase = "closed"
    this.#deadline.stop()
    this.#client.on("error", () => undefined)
    this.#client.destroy()
    this.#carrier.close()
  }
}

/**
 * Bytes from the server count as life, at most once a second; a slow upload must not look like a dead link. Only for
 * a connection that is logged in: this also starts the keepalive, which no server understands before.
 */
function noticeLife(client: Client, stream: Duplex): void {
  let last = 0
  // Before the session there is set up (PAM), which may take longer than a sign of life, a server answers nothing.
  const settingUp = setInterval(() => postponeKeepalive(client), SETTING_UP_BEAT).unref()
  const over = setTimeout(() => clearInterval(settingUp), LOGIN_TIMEOUT).unref()
  const settled = (): void => {
    clearInterval(settingUp)
    clearTimeout(over)
  }
  stream.once("data", settled).once("close", settled)
  stream.on("data", () => {
    const now = Date.now()
    if (now - last < 1000) return
    last = now
    postponeKeepalive(client)
  })
}
