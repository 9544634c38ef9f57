import { DatamaestroError, interrupted, type ErrorCode } from "@datamaestro/protocol"
import { spawn, type ChildProcess } from "node:child_process"
import { rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { isSilentAgent } from "./agent-identities.ts"
import { opensshArguments } from "./openssh-arguments.ts"
import { openAskpass, type Askpass } from "./openssh-askpass.ts"
import { cannotStart, readOpensshConfiguration, runSsh, type OpensshConfiguration } from "./openssh-configuration.ts"
import { HOST_KEY_ADDED, HOST_KEY_WARNING, OPEN_KEY, opensshFailure } from "./openssh-failure.ts"
import { makeSocketFolder } from "./socket-folder.ts"
import { watchOpensshLogin, type OpensshLoginWatch } from "./openssh-login-watch.ts"
import { refusedCommand } from "./refused-command.ts"
import { sshCommand } from "./ssh-command.ts"
import type { SshConnectOptions, SshStage } from "./ssh-connect-options.ts"
import { requireEndOfJumps } from "./ssh-hop.ts"
import { sshAddress } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"
import type { Channel, ChannelEnd, Transport } from "./transport.ts"

/** Options of every call: a plain channel, whatever the configuration makes of an interactive session. */
const PLAIN = [
  "-T",
  "-x",
  ...["RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes"].flatMap((option) => ["-o", option]),
]
/** What ssh says where the server allows no further session on a connection (MaxSessions), and it could not log in anew. */
const REFUSED = /^mux_client_request_session: session request failed[^]*^\S+: Permission denied \(/m
/** How long a connection that its controller left without a word (killed) stays, in seconds. */
const PERSIST = 30
/** How long the person's shared connection may take to tell that it is there, in milliseconds: one that hangs is none. */
const CHECK_TIMEOUT = 3000
/** How long a program may take to end once its channel was closed, in milliseconds. */
const CLOSE_GRACE = 1000

/**
 * Connects and logs in with the system's `ssh`, which reads its own configuration. One connection carries all
 * channels (ControlMaster): the person's own where one is configured, else one behind a socket that only this process
 * knows. Where the system has no such connections (Windows), each channel logs in by itself.
 *
 * @throws DatamaestroError SSH_CONFIGURATION, UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, AUTHENTICATION_FAILED,
 * CONNECTION_LOST, INTERRUPTED
 */
export async function connectOpenssh(given: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const target = fromHere(given)
  const { signal, prompter } = options
  const aborted = (): boolean => signal?.aborted === true
  if (aborted()) throw interrupted()
  const configuration = await readOpensshConfiguration(target, signal).catch((error: unknown) => {
    throw aborted() ? interrupted() : error
  })
  requireEndOfJumps(target)
  options.onStage?.("resolve", sshAddress(configuration))
  if (process.platform === "win32") return new OpensshTransport(target, configuration, [], undefined)
  const folder = await makeSocketFolder()
  let askpass: Askpass | undefined
  const watch = watchOpensshLogin(prompter, () => tellWait(configuration, options))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    if (prompter.available) askpass = await openAskpass(folder, { ...options, prompter: watch.prompter })
    const share = await chooseSharing(target, configuration, folder)
    if (share.connected) tellStages(options, "by your shared connection")
    else await logIn(target, configuration, { ...options, share, askpass, watch })
    // What is the person's own needs no place of ours.
    if (!share.own) await remove()
    const close = (): Promise<void> => (share.own ? endMaster(target, share.options).then(remove) : Promise.resolve())
    return new OpensshTransport(target, configuration, share.options, close)
  } catch (error) {
    await remove()
    if (aborted()) throw interrupted()
    if (watch.signal.aborted) throw silentLogin(configuration, error)
    throw askpass?.error ?? error
  } finally {
    watch.stop()
    askpass?.close()
  }
}

/** With files that are found from any folder: whoever keeps the connection leaves the one in which it was made. */
function fromHere({ configFile, identityFiles, ...rest }: SshTarget): SshTarget {
  return {
    ...rest,
    configFile: configFile === undefined || configFile === "none" ? configFile : resolve(configFile),
    identityFiles: identityFiles.map((file) => (file.startsWith("~") ? file : resolve(file))),
  }
}

interface Sharing {
  /** What makes `ssh` use the connection. */
  options: readonly string[]
  /** What makes `ssh` keep it. */
  masterOptions: readonly string[]
  connected: boolean
  /** Ours to end. */
  own: boolean
}

async function chooseSharing(target: SshTarget, configuration: OpensshConfiguration, folder: string): Promise<Sharing> {
  const { controlPath, controlPersists } = configuration
  if (controlPath !== undefined) {
    const check = runSsh(opensshArguments(target, ["-O", "check"]), { signal: AbortSignal.timeout(CHECK_TIMEOUT) })
    const answer = await check.catch(() => "none" as const)
    if (answer === "none") return ownSharing(folder)
    if (answer.code === 0) return { options: [], masterOptions: [], connected: true, own: false }
    // What is made now stays for as long as the person's configuration says.
    if (controlPersists) return { options: [], masterOptions: [], connected: false, own: false }
  }
  return ownSharing(folder)
}

function ownSharing(folder: string): Sharing {
  const options = ["-o", `ControlPath=${join(folder, "s").replaceAll("%", "%%")}`]
  const masterOptions = ["-o", "ControlMaster=yes", "-o", `ControlPersist=${PERSIST}`]
  return { options, masterOptions, connected: false, own: true }
}

interface LogInOptions extends SshConnectOptions {
  share: Sharing
  askpass: Askpass | undefined
  watch: OpensshLoginWatch
}

/** Makes the shared connection; `ssh` goes on with it in the background once it has logged in. */
async function logIn(target: SshTarget, configuration: OpensshConfiguration, options: LogInOptions): Promise<void> {
  const { share, askpass, watch, onNotice, signal } = options
  const batch = askpass === undefined ? ["-o", "BatchMode=yes"] : []
  const own = [...PLAIN, "-N", ...share.options, ...share.masterOptions, ...batch, "-o", "LogLevel=INFO"]
  const environment = { ...(askpass?.environment ?? process.env) }
  const { identityAgent } = configuration
  if (identityAgent !== undefined && (await isSilentAgent(identityAgent))) {
    const message = `The SSH agent at "${identityAgent}" does not answer: ssh goes on without it`
    onNotice({ level: "warning", message })
    own.push("-o", "IdentityAgent=none")
    // Those that ssh starts for hosts on the way would wait for it, too.
    if (environment["SSH_AUTH_SOCK"] === identityAgent) delete environment["SSH_AUTH_SOCK"]
  }
  const { code, stderr } = await runSsh(opensshArguments(target, [...own, ...configuration.bounds]), {
    environment,
    signal: signal === undefined ? watch.signal : AbortSignal.any([signal, watch.signal]),
    onStderr: (words) => {
      watch.heard()
      askpass?.heard(words)
    },
  })
  if (code !== 0) {
    const error = opensshFailure({ ...configuration, stderr, mayAsk: askpass !== undefined })
    tellStages(options, "by ssh", error.code)
    throw error
  }
  tellStages(options, "by ssh")
  for (const line of stderr.split("\n")) {
    if (HOST_KEY_ADDED.test(line)) onNotice({ level: "info", message: line.trim() })
    const key = OPEN_KEY.exec(line)?.[1]
    if (key !== undefined) {
      onNotice({ level: "warning", message: `ssh leaves out the key "${key}": others may read it` })
    }
    const warning = HOST_KEY_WARNING.exec(line)?.[1]
    if (warning === undefined) continue
    const message = `ssh says of "${target.destination}": ${warning}; StrictHostKeyChecking lets it go on`
    onNotice({ level: "warning", message })
  }
}

function tellWait({ label, identityAgent }: OpensshConfiguration, { onNotice }: SshConnectOptions): void {
  const agent = identityAgent === undefined ? "" : `, or for the SSH agent at "${identityAgent}" to sign`
  onNotice({ level: "info", message: `ssh still logs in to "${label}": it waits for the server${agent}` })
}

function silentLogin({ label, hostName, port, identityAgent }: OpensshConfiguration, cause: unknown): DatamaestroError {
  const check = `check that "${sshCommand(label)}" works`
  return new DatamaestroError("UNREACHABLE", `Cannot log in to "${label}": ssh was silent for too long`, {
    hint: identityAgent === undefined ? check : `${check}; -o IdentityAgent=none goes without the SSH agent`,
    details: { host: label, hostName, port },
    cause,
  })
}

/** `ssh` does all parts at once: which were done is known by what failed. */
function tellStages({ onStage }: SshConnectOptions, found: string, failure?: ErrorCode): void {
  const failed = failure === undefined ? undefined : FAILED_STAGE[failure]
  for (const stage of ["connect", "host key", "authenticate"] as const) {
    if (failure !== undefined && (failed === undefined || failed === stage)) return
    onStage?.(stage, found)
  }
}

const FAILED_STAGE: Partial<Record<ErrorCode, SshStage>> = {
  UNREACHABLE: "connect",
  HOST_KEY_UNKNOWN: "host key",
  HOST_KEY_CHANGED: "host key",
  AUTHENTICATION_FAILED: "authenticate",
}

async function endMaster(target: SshTarget, options: readonly string[]): Promise<void> {
  await runSsh(opensshArguments(target, [...options, "-O", "exit"])).catch(() => undefined)
}

class OpensshTransport implements Transport {
  readonly label: string
  readonly address: string
  readonly #target: SshTarget
  readonly #configuration: OpensshConfiguration
  readonly #share: readonly string[]
  readonly #end: (() => Promise<void>) | undefined
  readonly #children = new Set<ChildProcess>()
  #closed: Promise<void> | undefined

  constructor(
    target: SshTarget,
    configuration: OpensshConfiguration,
    share: readonly string[],
    end: (() => Promise<void>) | undefined,
  ) {
    this.label = configuration.label
    this.address = sshAddress(configuration)
    this.#target = target
    this.#configuration = configuration
    this.#share = share
    this.#end = end
  }

  async exec(command: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Channel> {
    if (signal?.aborted === true) throw interrupted()
    if (this.#closed !== undefined) throw this.#gone("the connection is closed")
    const shared = this.#end !== undefined
    // A connection that was shared has been logged in: nothing is left to be asked.
    const own = shared ? [...this.#share, "-o", "ControlMaster=no", "-o", "BatchMode=yes"] : this.#configuration.bounds
    const args = [...opensshArguments(this.#target, [...PLAIN, ...own, "-o", "LogLevel=ERROR"]), command]
    const child = spawn("ssh", args, { stdio: ["pipe", "pipe", "pipe"], detached: shared, windowsHide: true })
    this.#children.add(child)
    let words = ""
    // This is also where ssh says what went wrong.
    child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-4096)))
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
    const ended = new Promise<ChannelEnd>((resolve) => {
      child.on("close", (code, name) => {
        this.#children.delete(child)
        void this.#judge(code, name, words).then(resolve)
      })
    })
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve)
      child.once("error", (error) => reject(cannotStart(error)))
    })
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      close: () => {
        child.stdin.end()
        child.stdout.resume()
        child.stderr.resume()
        setTimeout(() => child.kill(), CLOSE_GRACE).unref()
      },
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const child of this.#children) child.kill()
    await this.#end?.().catch(() => undefined)
  }

  /** 255 is what ssh ends with when the link breaks; a program's own 255, and one that a signal ended, look the same. */
  async #judge(code: number | null, signal: string | null, stderr: string): Promise<ChannelEnd> {
    if (code !== 255 || this.#closed !== undefined) return { code, signal }
    if (this.#end !== undefined) {
      const alive = await runSsh(opensshArguments(this.#target, [...this.#share, "-O", "check"])).catch(() => undefined)
      if (alive?.code === 0) return REFUSED.test(stderr) ? this.#refused() : { code, signal }
      return { code: null, signal: null, error: this.#gone("ssh has ended") }
    }
    const error = opensshFailure({ ...this.#configuration, stderr, mayAsk: true })
    return { code: null, signal: null, error }
  }

  #refused(): ChannelEnd {
    const error = refusedCommand(this.label, "it allows no further session")
    return { code: null, signal: null, error }
  }

  #gone(state: string): DatamaestroError {
    const { label, hostName, port } = this.#configuration
    return new DatamaestroError(
      "CONNECTION_LOST",
      `Lost the connection to "${label}" (${hostName}, port ${port}): ${state}`,
      {
        hint: "check the network and run the same command again: finished and partial downloads are kept",
        details: { host: label, hostName, port },
      },
    )
  }
}
