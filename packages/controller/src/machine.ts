import { belowHome, DatamaestroError, SlurmOptions, type RelayMode } from "@datamaestro/protocol"
import { resolve } from "node:path"
import type { SessionOptions } from "./session/session.ts"
import { parseSshDestination } from "./transport/ssh-destination.ts"
import type { SshTransportName } from "./transport/ssh-target.ts"
import type { UserSettings } from "./user-settings.ts"

/** Where a command runs, with all that the command line and the user settings say about it. */
export interface Machine extends Pick<SessionOptions, "ssh" | "node" | "data" | "dataSetting"> {
  /** The host as typed; absent for this machine. */
  host?: string
  /** What becomes of work there when the connection is lost. */
  onDisconnect: OnDisconnect
  /** When downloads go out through this machine. */
  relay: RelayMode | undefined
  /** Preparations run in an allocation of Slurm, for which this is asked; absent: on the machine itself. */
  slurm?: SlurmOptions | undefined
  /** How long connecting again is tried, in minutes. */
  reconnectMinutes: number
  /** What the settings say about holding the connection, the host's own first. */
  holdSettings: readonly (number | "off" | undefined)[]
  /** What the settings say that this version can't follow, for a warning. */
  ignored: readonly string[]
}

export type OnDisconnect = "continue" | "cancel"
type Launcher = "slurm" | "none"

const RECONNECT_MINUTES = 60

/** What was said on the command line, or by the caller of the library; it wins over the settings. */
export interface MachineOptions {
  /** Node on the data machine: a path or a command's name, `auto` (the default) or `bundled`. */
  node?: string | undefined
  /** The data directory on the data machine; else its `DATAMAESTRO_DIR`, `data` of the host in the user settings, or `~/datamaestro`. */
  data?: string | undefined
  /** `continue` by default: work that is under way when the connection is lost is finished as a job. */
  onDisconnect?: OnDisconnect | undefined
  /** `true`: downloads go out through this machine; `false`: never; else when the data machine finds no way out. */
  relay?: boolean | undefined
  /** `slurm`: preparations run in an allocation, as `slurm` of the host in the user settings says. */
  launcher?: Launcher | undefined
  /** Read instead of `~/.ssh/config`, as `ssh -F` does. */
  configFile?: string | undefined
  /** Private keys to log in with, as `ssh -i` has them. */
  identityFiles?: readonly string[] | undefined
  /** `Option=value` of ssh_config(5), as `ssh -o` has them. */
  sshOptions?: readonly string[] | undefined
  /** Which SSH client connects; by default the built-in one, or the system's where only that can. */
  transport?: SshTransportName | undefined
}

/** What means something on this machine. */
export type LocalMachineOptions = Pick<MachineOptions, "data" | "node" | "launcher">

const UNDERSTOOD = new Set([
  "host",
  "node",
  "data",
  "transport",
  "on_disconnect",
  "reconnect_minutes",
  "relay",
  "hold_minutes",
  "launcher",
  "slurm",
])

/** This machine, where relative paths mean what they mean to the caller. */
export function localMachine(options: MachineOptions, settings: UserSettings = {}): Machine {
  return {
    node: options.node ?? "auto",
    data: options.data === undefined ? undefined : localPath(options.data),
    onDisconnect: options.onDisconnect ?? "continue",
    relay: options.relay === true ? "always" : undefined,
    ...launching(options, settings),
    reconnectMinutes: RECONNECT_MINUTES,
    holdSettings: [],
    ignored: notUnderstood(settings.slurm),
  }
}

function launching(
  options: MachineOptions,
  settings: Pick<UserSettings, "launcher" | "slurm">,
): Pick<Machine, "slurm"> {
  const launcher = options.launcher ?? settings.launcher
  return launcher === "slurm" ? { slurm: settings.slurm ?? {} } : {}
}

function notUnderstood(slurm: SlurmOptions | undefined): string[] {
  return Object.keys(slurm ?? {}).flatMap((key) => (key in SlurmOptions.entries ? [] : [`slurm.${key}`]))
}

/**
 * Absolute, save for what the agent reads its own way: nothing, and `~` that no shell has replaced.
 *
 * @throws DatamaestroError USAGE for `~name`
 */
export function localPath(path: string): string {
  return path === "" || belowHome(path) !== undefined ? path : resolve(path)
}

/**
 * A host as typed, which may be a name of the user settings' `hosts`.
 *
 * @throws DatamaestroError USAGE when it can't be the name of a host
 */
export function remoteMachine(host: string, options: MachineOptions, settings: UserSettings): Machine {
  const known = Object.hasOwn(settings.hosts ?? {}, host) ? settings.hosts?.[host] : undefined
  const destination = known?.host ?? host
  // A leading dash would be an option to other programs that are given the name.
  if (destination === "" || destination.startsWith("-") || /[\s\p{Cc}]/u.test(destination)) {
    throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(destination)} as a host: not a host's name`, {
      hint: "--host takes alias, user@host, user@host:port or ssh://user@host:port",
      details: { host: destination },
    })
  }
  if (known === undefined) checkTyped(destination)
  return {
    host,
    ssh: {
      destination,
      configFile: options.configFile,
      identityFiles: options.identityFiles ?? [],
      options: options.sshOptions ?? [],
      transport: options.transport ?? known?.transport,
    },
    node: options.node ?? known?.node ?? "auto",
    data: options.data,
    dataSetting: known?.data,
    onDisconnect: options.onDisconnect ?? known?.on_disconnect ?? "continue",
    relay: relayMode(options.relay ?? known?.relay),
    ...launching(options, known ?? {}),
    reconnectMinutes: known?.reconnect_minutes ?? settings.reconnect_minutes ?? RECONNECT_MINUTES,
    holdSettings: [known?.hold_minutes, settings.hold_minutes],
    ignored: [...Object.keys(known ?? {}).filter((key) => !UNDERSTOOD.has(key)), ...notUnderstood(known?.slurm)],
  }
}

function relayMode(wanted: boolean | undefined): RelayMode | undefined {
  if (wanted === undefined) return "auto"
  return wanted ? "always" : undefined
}

/** The same mistake in a configuration file would be one of the connection; on the command line it is one of usage. */
function checkTyped(destination: string): void {
  try {
    parseSshDestination(destination)
  } catch (error) {
    if (!(error instanceof DatamaestroError)) throw error
    throw new DatamaestroError("USAGE", error.message, { hint: error.hint, details: error.details })
  }
}
