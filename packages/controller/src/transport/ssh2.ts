import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { ClientChannel } from "ssh2"
import { HostKeyCheck } from "./host-key.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import { refusedCommand } from "./refused-command.ts"
import { hopBefore, MAX_JUMPS, tooManyJumps } from "./ssh-hop.ts"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import { sshAddress, type SshSettings } from "./ssh-settings.ts"
import { dialCommand, dialTcp, type SshCarrier } from "./ssh-socket.ts"
import type { SshTarget } from "./ssh-target.ts"
import { openChannel } from "./ssh2-channel.ts"
import { logIn, type ConnectOptions, type SshConnection } from "./ssh2-connection.ts"
import { askForLife, sendCommandAhead } from "./ssh2-internals.ts"
import type { Channel, Transport } from "./transport.ts"

/**
 * Connects and logs in with the built-in SSH client. Reads the person's SSH configuration, checks the host key, asks
 * what must be asked through the prompter.
 *
 * @throws DatamaestroError SSH_CONFIGURATION, UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, AUTHENTICATION_FAILED,
 * CONNECTION_LOST, INTERRUPTED
 */
export async function connectSsh2(
  target: SshTarget,
  options: SshConnectOptions,
  settings: SshSettings = resolveSshSettings(target),
): Promise<Transport> {
  const { prompter } = options
  const signal = options.signal ?? new AbortController().signal
  if (signal.aborted) throw interrupted()
  const connections: SshConnection[] = []
  const closeAll = (): void => {
    for (const connection of connections.toReversed()) connection.close()
  }
  try {
    const onNotice: ConnectOptions["onNotice"] = (level, message) => options.onNotice({ level, message })
    const { onStage } = options
    onStage?.("resolve", sshAddress(settings))
    const connection = await connect(settings, target, { prompter, onNotice, signal, onStage }, connections, 0)
    return makeTransport(settings, connection, closeAll)
  } catch (error) {
    closeAll()
    if (signal.aborted) throw interrupted()
    throw error
  }
}

/** Connects, through other hosts first where the configuration says so; every connection made is added to the list. */
async function connect(
  settings: SshSettings,
  target: SshTarget,
  options: ConnectOptions,
  connections: SshConnection[],
  depth: number,
): Promise<SshConnection> {
  for (const warning of settings.warnings) options.onNotice("warning", warning)
  const check = await HostKeyCheck.load(settings)
  const carrier = await dial(settings, target, options, connections, depth)
  const connection = await logIn(settings, carrier, check, options)
  connections.push(connection)
  return connection
}

async function dial(
  settings: SshSettings,
  target: SshTarget,
  options: ConnectOptions,
  connections: SshConnection[],
  depth: number,
): Promise<SshCarrier> {
  const hop = hopBefore(settings, target.configFile)
  if (hop === undefined) {
    const { proxyCommand, hostName, port } = settings
    const carrier = proxyCommand === undefined ? await dialTcp(settings, options.signal) : dialCommand(proxyCommand)
    options.onStage?.("connect", proxyCommand === undefined ? `${hostName}, port ${port}` : "by ProxyCommand")
    return carrier
  }
  if (depth >= MAX_JUMPS) throw tooManyJumps(settings.label)
  const { onStage } = options
  // Of a host on the way only the connection itself is a part of ours.
  const onHopStage: typeof onStage = (stage, found) => (stage === "connect" ? onStage?.(stage, found) : undefined)
  const through = await connect(hop.settings, hop.target, { ...options, onStage: onHopStage }, connections, depth + 1)
  const stream = await forward(through, settings, hop.target.destination, options.signal)
  onStage?.("jump", `through ${settings.proxyJump.join(", ")}`)
  return { stream, complaint: () => "", silent: async () => {}, close: () => stream.destroy() }
}

/**
 * A channel through a host to the next one, which that host has to reach within ConnectTimeout.
 *
 * @throws DatamaestroError UNREACHABLE, INTERRUPTED
 */
function forward(
  { client }: SshConnection,
  { hostName, port, label, connectTimeout }: SshSettings,
  jump: string,
  signal: AbortSignal,
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string, cause?: Error): void =>
      settle(
        new DatamaestroError(
          "UNREACHABLE",
          `Cannot reach "${label}" (${hostName}, port ${port}) from "${jump}": ${reason}`,
          {
            hint: `check that "${jump}" can connect to ${hostName}, port ${port}, and that it lets connections through (AllowTcpForwarding)`,
            details: { host: label, hostName, port, jump },
            cause,
          },
        ),
      )
    const abort = (): void => settle(interrupted())
    const timer = setTimeout(() => refuse(`no answer within ${connectTimeout / 1000} s`), connectTimeout)
    let settled = false
    const settle = (error?: Error): void => {
      settled = true
      clearTimeout(timer)
      signal.removeEventListener("abort", abort)
      if (error !== undefined) reject(error)
    }
    signal.addEventListener("abort", abort, { once: true })
    if (signal.aborted) return abort()
    client.forwardOut("127.0.0.1", 0, hostName, port, (error, channel) => {
      // Too late to be wanted.
      if (settled) return void channel?.close()
      if (error !== undefined) return refuse(error.message, error)
      settle()
      resolve(channel)
    })
  })
}

function makeTransport(settings: SshSettings, connection: SshConnection, closeAll: () => void): Transport {
  const { client, lost } = connection
  const { label } = settings
  const environment = settings.environment
  let first = true
  let ended = false
  const broken = (): Error | undefined => (lost.aborted ? (lost.reason as Error) : undefined)
  const gone = (): Error =>
    broken() ??
    new DatamaestroError("CONNECTION_LOST", `Cannot run a command on "${label}": the connection is closed`, {
      details: { host: label },
    })

  const open = (source: ClientChannel): Channel => {
    const channel = openChannel(source, lost)
    void channel.ended.then(() => (ended = true))
    return channel
  }

  return {
    label,
    address: sshAddress(settings),
    exec: (command, { signal } = {}) =>
      new Promise<Channel>((resolve, reject) => {
        if (signal?.aborted === true) return reject(interrupted())
        if (lost.aborted) return reject(gone())
        let settled = false
        const abort = (): void => {
          settled = true
          reject(interrupted())
        }
        const breakOff = (): void => reject(gone())
        signal?.addEventListener("abort", abort, { once: true })
        lost.addEventListener("abort", breakOff)
        const stopListening = (): void => {
          signal?.removeEventListener("abort", abort)
          lost.removeEventListener("abort", breakOff)
        }
        const done = (error: Error | undefined, source: ClientChannel | undefined): void => {
          stopListening()
          // Too late to be wanted: nobody will read it.
          if (settled) return void source?.close()
          if (source !== undefined && error === undefined) return resolve(open(source))
          // It may be the connection's end, which is told right behind.
          setImmediate(() => reject(broken() ?? refusedCommand(label, error?.message ?? "it was refused", error)))
        }
        // sshd counts a session that has ended until its loop comes round: with MaxSessions 1 a busy one refuses the next.
        const ask = (again: boolean): void => {
          client.exec(command, { env: environment }, (error, source) => {
            if (again && ended && !settled && isRefusal(error)) ask(false)
            else done(error ?? undefined, source)
          })
        }
        try {
          ask(true)
          if (first) sendCommandAhead(client, command, environment)
          first = false
        } catch {
          stopListening()
          reject(gone())
        }
      }),
    lost: new Promise((resolve) => {
      lost.addEventListener("abort", () => resolve(gone()))
      if (lost.aborted) resolve(gone())
    }),
    check: () => askForLife(client),
    close: () => {
      closeAll()
      return Promise.resolve()
    },
  }
}

/** The server opens no channel, for the reason that it gives (RFC 4254, 5.1). */
function isRefusal(error: Error | undefined): boolean {
  return error !== undefined && "reason" in error
}
