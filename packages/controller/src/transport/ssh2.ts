import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { ClientChannel } from "ssh2"
import { HostKeyCheck } from "./host-key.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import { hopBefore, MAX_JUMPS, tooManyJumps } from "./ssh-hop.ts"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import { sshAddress, type SshSettings } from "./ssh-settings.ts"
import { dialCommand, dialTcp, type SshCarrier } from "./ssh-socket.ts"
import type { SshTarget } from "./ssh-target.ts"
import { logIn, type ConnectOptions, type SshConnection } from "./ssh2-connection.ts"
import { Ssh2Transport } from "./ssh2-transport.ts"
import type { Transport } from "./transport.ts"

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
    return new Ssh2Transport(settings, connection, closeAll)
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
  const onNotice = settings.tellsNotices ? options.onNotice : (): void => undefined
  const connection = await logIn(settings, carrier, check, { ...options, onNotice })
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
    const connected = (found: string): void => options.onStage?.("connect", found)
    // Of a program that has been started nobody knows yet whether it leads anywhere.
    if (proxyCommand !== undefined)
      return { ...(await dialCommand(proxyCommand, settings)), onAnswer: () => connected("by ProxyCommand") }
    const carrier = await dialTcp(settings, options.signal)
    connected(`${hostName}, port ${port}`)
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
