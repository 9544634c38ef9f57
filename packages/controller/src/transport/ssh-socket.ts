import { DatamaestroError } from "@datamaestro/protocol"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { connect, Socket } from "node:net"
import { Duplex, Writable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { childProcess, unstarted } from "../child-process.ts"
import { limitHintHere } from "../limit-hint.ts"
import { localEnd, UNUSABLE_SETTING } from "./local-end.ts"
import { ownShell } from "./own-shell.ts"
import type { SshSettings } from "./ssh-settings.ts"

/** What carries an SSH connection, and how to be rid of it. */
export interface SshCarrier {
  stream: Duplex
  /** What a ProxyCommand had to say, for the error message. */
  complaint(): string
  /** Whether a ProxyCommand has printed anything where the server's words belong. */
  printed?(): boolean
  /** Settles when a ProxyCommand that has ended has said all it had to say; at once for anything else. */
  silent(): Promise<void>
  close(): void
  /** Called when the host has answered by its key, where only that shows that there is a connection. */
  onAnswer?: () => void
}

/**
 * Connects to the host itself, as often as ConnectionAttempts says.
 *
 * @throws DatamaestroError UNREACHABLE
 */
export async function dialTcp(settings: SshSettings, signal: AbortSignal): Promise<SshCarrier> {
  for (let attempt = 1; ; attempt++) {
    try {
      const socket = await connectOnce(settings, signal)
      return {
        stream: coalesceWrites(socket),
        complaint: () => "",
        silent: async () => {},
        close: () => socket.destroy(),
      }
    } catch (error) {
      signal.throwIfAborted()
      if (attempt >= settings.connectionAttempts) throw unreachable(settings, error)
      await sleep(1000, undefined, { signal })
    }
  }
}

/**
 * How long the next of several addresses waits for the one before, in milliseconds. Node's 250 are less than a slow
 * link takes, and what has been given up by then is not tried again.
 */
const ATTEMPT = 2000

/** How long nothing is heard before the system asks for a sign of life, in milliseconds: as long as it has it by itself. */
const FIRST_SIGN = 7_200_000

async function connectOnce(settings: SshSettings, signal: AbortSignal): Promise<Socket> {
  const { hostName, port } = settings
  const end = await localEnd(settings)
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: hostName,
      port,
      autoSelectFamilyAttemptTimeout: Math.min(ATTEMPT, settings.connectTimeout / 2),
      // Without it a request on an open channel waits 40 ms for the acknowledgement of the one before.
      noDelay: true,
      keepAlive: settings.tcpKeepAlive,
      keepAliveInitialDelay: FIRST_SIGN,
      ...end,
    })
    const settle = (error?: Error): void => {
      clearTimeout(timer)
      signal.removeEventListener("abort", abort)
      socket.removeListener("error", settle)
      socket.removeListener("connect", connected)
      // A connection that breaks between two listeners must not bring the process down.
      socket.on("error", () => undefined)
      if (error === undefined) return resolve(socket)
      socket.destroy()
      reject(error)
    }
    const connected = (): void => settle()
    const abort = (): void => settle(new Error("aborted"))
    const timer = setTimeout(() => settle(timedOut()), settings.connectTimeout)
    socket.once("error", settle)
    socket.once("connect", connected)
    signal.addEventListener("abort", abort, { once: true })
    if (signal.aborted) abort()
  })
}

function timedOut(): Error {
  return Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })
}

const CORRECT = "correct it in your SSH configuration or in -o, or leave it out"

/** Says in one word of the field, and what to do, why no connection came about. */
export function unreachable(settings: SshSettings, cause: unknown): DatamaestroError {
  const { label, hostName, port, originalHost } = settings
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const machine = `"${label}" (${hostName}, port ${port})`
  const details = { host: label, hostName, port, reason: code }
  const make = (state: string, hint: string): DatamaestroError =>
    new DatamaestroError("UNREACHABLE", `Cannot reach ${machine}: ${state}`, { hint, details, cause })
  switch (code) {
    case "ENOTFOUND":
    case "EAI_NONAME":
    case "EAI_NODATA":
      return make(
        `no machine is called "${hostName}"`,
        `check the spelling of "${originalHost}", or give its HostName in ~/.ssh/config`,
      )
    case "EAI_AGAIN":
      return make("the name can't be looked up now", "check the network connection and the name server, then try again")
    case "ECONNREFUSED":
      return make("it refused the connection", `check that an SSH server listens on port ${port} there`)
    case "ETIMEDOUT":
      return make(
        `no answer within ${settings.connectTimeout / 1000} s`,
        "check the network, VPN and firewall; -o ConnectTimeout=SECONDS waits longer",
      )
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return make("there is no way to it", "check the network and the VPN")
    case "EADDRNOTAVAIL":
      if (settings.bindAddress === undefined) return make("there is no way to it", "check the network and the VPN")
      return make(`BindAddress "${settings.bindAddress}" is no address of this machine`, CORRECT)
    case UNUSABLE_SETTING:
      return make(cause instanceof Error ? cause.message : code, CORRECT)
    default: {
      const reason = cause instanceof Error && cause.message !== "" ? cause.message : "the connection failed"
      return make(reason, limitHintHere(cause) ?? "check the network, then try again")
    }
  }
}

/** ssh2 writes a packet in up to three pieces; gathered, they leave as one. */
function coalesceWrites(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  let corked = false
  socket.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(() => {
        corked = false
        socket.uncork()
      })
    }
    return write(...args)
  }
  return socket
}

/** How long the last words of a ProxyCommand may come after it has hung up, in milliseconds. */
const COMPLAINT_GRACE = 500

/** Commands that run. */
const running = new Set<ChildProcess>()

function endRunning(): void {
  for (const child of running) child.kill("SIGTERM")
}

/** Has a command end with this process: where nothing comes from the other side any more it would stay for ever. */
function endWithProcess(child: ChildProcess): void {
  if (running.size === 0) process.on("exit", endRunning)
  running.add(child)
  child.once("exit", () => {
    running.delete(child)
    if (running.size === 0) process.off("exit", endRunning)
  })
}

/**
 * Runs a ProxyCommand and speaks to its standard streams.
 *
 * @throws DatamaestroError UNREACHABLE where no shell can be started for it
 */
export async function dialCommand(command: string, settings: SshSettings): Promise<SshCarrier> {
  // The shell makes way for the command, as in OpenSSH, so that ending it ends the command.
  const line = process.platform === "win32" ? command : `exec ${command}`
  const child = childProcess().spawn(line, { shell: ownShell(), stdio: ["pipe", "pipe", "pipe"] })
  const failed = unstarted(child)
  if (failed !== undefined) throw notStarted(settings, await failed)
  endWithProcess(child)
  let complaint = ""
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  const said = new Promise<void>((resolve) => child.stderr.once("close", resolve))
  child.stdin.on("error", () => undefined)
  const stream = Duplex.from({ writable: unlessDeaf(child.stdin), readable: child.stdout })
  // Whoever reads hears of it, too; a program that ends after that must not bring this one down.
  stream.on("error", () => undefined)
  child.once("error", (error) => stream.destroy(error))
  await once(child, "spawn").catch((error: unknown) => {
    throw notStarted(settings, error)
  })
  return {
    stream,
    complaint: () => complaint.trim(),
    printed: () => child.stdout instanceof Socket && child.stdout.bytesRead > 0,
    silent: () => Promise.race([said, sleep(COMPLAINT_GRACE, undefined, { ref: false })]),
    close: () => {
      child.kill("SIGTERM")
      stream.destroy()
    },
  }
}

/** Takes what is written for what has arrived: that nobody reads any more is told by the output's end, and what comes before it. */
function unlessDeaf(stdin: Writable): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => stdin.write(chunk, () => done()),
    final: (done) => stdin.end(() => done()),
    destroy: (_error, done) => {
      stdin.destroy()
      done(null)
    },
  })
}

function notStarted(settings: SshSettings, cause: unknown): DatamaestroError {
  const { label, hostName, port, proxyCommand } = settings
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DatamaestroError(
    "UNREACHABLE",
    `Cannot reach "${label}" (${hostName}, port ${port}): its ProxyCommand can't be started: ${reason}`,
    {
      hint: limitHintHere(cause) ?? `see whether your shell starts, and run it by hand: ${proxyCommand}`,
      details: { host: label, hostName, port },
      cause,
    },
  )
}
