import { InvalidArgumentError, Option, type Command } from "commander"
import type { SshTransportName } from "../transport/ssh-target.ts"
import type { GlobalOptions } from "./invocation.ts"

/** For an option that is repeatable. */
export const collect = (value: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  value,
]

function sshOption(value: string): string {
  if (/^\s*[a-z]\w*\s*[=\s]\s*\S/i.test(value)) return value
  throw new InvalidArgumentError("It must be OPTION=VALUE.")
}

const LAST_PORT = 65_535

function portOption(value: string): string {
  const port = /^\d+$/.test(value) ? Number(value) : 0
  if (port >= 1 && port <= LAST_PORT) return `Port=${port}`
  throw new InvalidArgumentError(`It must be a number from 1 to ${LAST_PORT}.`)
}

/** As of a variable of a script that is not set. */
function notEmpty(value: string): string {
  if (value !== "") return value
  throw new InvalidArgumentError("It must be a path, auto or bundled.")
}

/** Never more than what is polite to a server. */
const MOST_CONNECTIONS = 16

function connectionCount(value: string): number {
  const count = /^\d+$/.test(value) ? Number(value) : 0
  if (count >= 1 && count <= MOST_CONNECTIONS) return count
  throw new InvalidArgumentError(`It must be a number from 1 to ${MOST_CONNECTIONS}.`)
}

interface ParsedOptions {
  host?: string[]
  node?: string
  data?: string
  onDisconnect?: "continue" | "cancel"
  launcher?: "slurm" | "none"
  keepDownloads?: true
  quiet?: true
  debug?: true
  traceback?: true
  json?: true
  F?: string
  i?: string[]
  o?: string[]
  p?: string[]
  transport?: SshTransportName
  relay?: boolean
  connections?: number
}

function globalOptions(): Option[] {
  // In one list: of what is set twice ssh takes the first, also of -p and -o Port.
  const sshOptions: string[] = []
  const keep = (option: string): string[] => {
    sshOptions.push(option)
    return sshOptions
  }
  return [
    new Option("--host <HOST>", "run on HOST: alias, user@host, user@host:port, ssh://…; repeatable").argParser(
      collect,
    ),
    new Option(
      "--node <PATH>",
      "Node on the data machine, auto to find one, bundled to bring one (default: auto)",
    ).argParser(notEmpty),
    new Option(
      "--data <DIR>",
      "data directory on the data machine (default: its DATAMAESTRO_DIR, else as user.json says, else ~/datamaestro)",
    ),
    new Option(
      "--on-disconnect <WHAT>",
      "what becomes of work when the connection is lost: finished as a job, or given up (default: continue)",
    ).choices(["continue", "cancel"]),
    new Option(
      "--launcher <LAUNCHER>",
      "slurm: preparations run in an allocation, as user.json says; none: on the data machine itself",
    ).choices(["slurm", "none"]),
    new Option("--keep-downloads", "keep downloaded archives in the cache after extraction"),
    new Option("--quiet", "errors only"),
    new Option("--debug", "more detail, also about each error"),
    new Option("--traceback", "stack traces of errors"),
    new Option("--json", "results as JSON on stdout, events and errors as JSON lines on stderr"),
    new Option("-F <FILE>", "read FILE instead of ~/.ssh/config, as ssh does"),
    new Option("-i <IDENTITY>", "authenticate with this private key, as ssh does; repeatable").argParser(collect),
    new Option("-o <OPTION=VALUE>", "an option of ssh_config(5); repeatable").argParser((value) =>
      keep(sshOption(value)),
    ),
    new Option("-p <PORT>", "connect to this port, as ssh does").argParser((value) => keep(portOption(value))),
    new Option("--transport <CLIENT>", "connect by the built-in SSH client or the system's ssh").choices([
      "ssh2",
      "openssh",
    ] satisfies SshTransportName[]),
    new Option("--relay", "downloads go out through this machine (default: only where HOST has no internet)"),
    new Option("--no-relay", "downloads never go out through this machine"),
    new Option("--connections <N>", "at most N connections to one server for one file (default: 4)").argParser(
      connectionCount,
    ),
  ]
}

/**
 * Makes the global options known to a command. They are declared at each level, so that they may stand before
 * or after the command and a command may still give a letter a meaning of its own.
 *
 * @param shown whether help lists them here
 */
export function addGlobalOptions(command: Command, shown: boolean): void {
  const taken = new Set(command.options.map((each) => each.attributeName()))
  for (const option of globalOptions()) {
    if (taken.has(option.attributeName())) continue
    command.addOption(shown ? option : option.hideHelp())
  }
}

/** What was said at every level, from the program down to the command: repeatable options add up, else the last wins. */
export function readGlobalOptions(command: Command): GlobalOptions {
  const levels: ParsedOptions[] = []
  for (let each: Command | null = command; each !== null; each = each.parent) levels.unshift(each.opts())
  const last = <K extends keyof ParsedOptions>(key: K): ParsedOptions[K] | undefined =>
    levels.findLast((level) => level[key] !== undefined)?.[key]
  const all = (key: "host" | "i"): string[] => levels.flatMap((level) => level[key] ?? [])
  return {
    host: [...new Set(all("host"))],
    node: last("node"),
    data: last("data"),
    onDisconnect: last("onDisconnect"),
    launcher: last("launcher"),
    keepDownloads: last("keepDownloads") ?? false,
    quiet: last("quiet") ?? false,
    debug: last("debug") ?? false,
    traceback: last("traceback") ?? false,
    json: last("json") ?? false,
    configFile: last("F"),
    identityFiles: all("i"),
    // Both are the same list, save where a command has given -o a meaning of its own.
    sshOptions: levels.flatMap(({ o, p = [] }) => (Array.isArray(o) ? o : p)),
    transport: last("transport"),
    relay: last("relay"),
    connections: last("connections"),
  }
}
