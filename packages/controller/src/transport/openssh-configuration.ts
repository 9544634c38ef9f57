import { DatamaestroError } from "@datamaestro/protocol"
import { once } from "node:events"
import { homedir } from "node:os"
import { childProcess, unstarted } from "../child-process.ts"
import { limitHintHere } from "../limit-hint.ts"
import { expandHome } from "./expand-home.ts"
import { opensshArguments } from "./openssh-arguments.ts"
import { refuseConfigPipe } from "./ssh-config-evaluation.ts"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import type { SshTarget } from "./ssh-target.ts"

/** What OpenSSH's client makes of the configuration (`ssh -G`), as far as we need to know it. */
export interface OpensshConfiguration {
  label: string
  hostName: string
  port: number
  user: string
  /** The socket of the SSH agent that it would ask. */
  identityAgent: string | undefined
  /** Where it looks for certificates, whether they are there or not. */
  certificateFiles: readonly string[]
  /** Whether a host key may be new: with `UserKnownHostsFile none` ssh takes none. */
  takesNewHostKeys: boolean
  /** Whether what ssh says of new host keys is told, see LogLevel. */
  tellsNotices: boolean
  /** The command that leads there, where one is configured. */
  proxyCommand: string | undefined
  /** The person's own shared connection, where one is configured. */
  controlPath: string | undefined
  /** Whether a connection of ours would stay as the configuration says, for others to use. */
  controlPersists: boolean
  /** Options that make a channel of what the configuration keeps for tunnels. */
  channel: readonly string[]
  /** Options that bound every wait, where the configuration leaves them open. */
  bounds: readonly string[]
}

/** Of `ssh` from 8.7 on: older ones know, and tell, none of them. */
const CHANNEL_OPTIONS = [
  ["stdinnull", "no"],
  ["forkafterauthentication", "no"],
  ["sessiontype", "default"],
] as const

/** What ssh says besides, since none of its output is one. */
const NO_TERMINAL = /^pseudo-terminal will not be allocated.*$/gim

/**
 * Asks OpenSSH's client; takes some 10 ms, save for what `Match exec` runs, and touches no network.
 *
 * @throws DatamaestroError SSH_CONFIGURATION; USAGE where the mistake is one of the command line
 */
export async function readOpensshConfiguration(target: SshTarget, signal?: AbortSignal): Promise<OpensshConfiguration> {
  if (target.configFile !== undefined) refuseConfigPipe(target.configFile)
  const { code, stdout, stderr } = await runSsh(opensshArguments(target, ["-G"]), { signal })
  if (code !== 0) {
    throw new DatamaestroError(
      /command-line:? line|can't open user config file/i.test(stderr) ? "USAGE" : "SSH_CONFIGURATION",
      `Cannot use the SSH configuration of "${target.destination}": ${stderr.replace(NO_TERMINAL, "").trim() || `ssh -G ended with ${code}`}`,
      {
        hint: "correct the line, the option or the file that ssh names",
        details: { host: target.destination },
      },
    )
  }
  const values = new Map<string, string>()
  const certificateFiles: string[] = []
  for (const line of stdout.split("\n")) {
    const space = line.indexOf(" ")
    const [name, text] = [line.slice(0, space), line.slice(space + 1).trim()]
    if (name === "certificatefile") certificateFiles.push(expandHome(text, homedir()))
    if (name === "identityfile") certificateFiles.push(`${expandHome(text, homedir())}-cert.pub`)
    if (space > 0 && !values.has(name)) values.set(name, text)
  }
  const value = (name: string): string => values.get(name) ?? ""
  const controlPath = value("controlpath")
  const timeout = value("connecttimeout")
  return {
    label: target.destination,
    hostName: value("hostname"),
    port: Number(value("port")) || 22,
    user: value("user"),
    identityAgent: agentOf(target),
    certificateFiles,
    takesNewHostKeys: value("userknownhostsfile").toLowerCase() !== "none",
    // It calls QUIET so.
    tellsNotices: !/^(silent|quiet|fatal|error)$/i.test(value("loglevel")),
    proxyCommand: value("proxycommand") || undefined,
    controlPath: controlPath === "" || controlPath === "none" ? undefined : controlPath,
    controlPersists: /^(auto|yes|true)$/.test(value("controlmaster")) && !/^(no|false|)$/.test(value("controlpersist")),
    channel: CHANNEL_OPTIONS.flatMap(([name, wanted]) =>
      (values.get(name) ?? wanted) === wanted ? [] : ["-o", `${name}=${wanted}`],
    ),
    bounds: [
      ...(timeout === "" || timeout === "none" || timeout === "0" ? ["-o", "ConnectTimeout=20"] : []),
      ...(value("serveraliveinterval") === "0" ? ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"] : []),
    ],
  }
}

/** `ssh -G` tells it as it was written, with variables and tokens; and only where it was. */
function agentOf(target: SshTarget): string | undefined {
  try {
    return resolveSshSettings(target).identityAgent
  } catch {
    // What only ssh can read: most people have none but the usual one.
    return process.env["SSH_AUTH_SOCK"] || undefined
  }
}

export interface SshRun {
  code: number | null
  stdout: string
  stderr: string
}

/** How long what ssh has started may go on telling why there is no way, in milliseconds: it may keep the words' end to itself. */
const LAST_WORDS = 500

/**
 * Runs the system's `ssh` to its end, without a terminal.
 *
 * @throws DatamaestroError SSH_CONFIGURATION when it can't be started
 */
export async function runSsh(
  args: readonly string[],
  options: {
    environment?: NodeJS.ProcessEnv | undefined
    signal?: AbortSignal | undefined
    onStderr?: ((text: string) => void) | undefined
  } = {},
): Promise<SshRun> {
  const child = childProcess().spawn("ssh", args, {
    stdio: ["ignore", "pipe", "pipe"],
    // A session of its own: nothing is asked on the terminal behind our back, and Ctrl-C reaches only this process.
    detached: process.platform !== "win32",
    windowsHide: true,
    ...(options.environment === undefined ? {} : { env: options.environment }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const failed = unstarted(child)
  if (failed !== undefined) throw cannotStart(await failed)
  child.once("exit", (code) => {
    if (code !== 0) setTimeout(() => endGroup(child.pid), LAST_WORDS).unref()
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-64 * 1024)
    options.onStderr?.(text)
  })
  try {
    const [code] = (await once(child, "close")) as [number | null]
    if (code !== 0) endGroup(child.pid)
    return { code, stdout, stderr }
  } catch (error) {
    endGroup(child.pid)
    throw cannotStart(error)
  }
}

/** What ssh started for ProxyJump and ProxyCommand: as long as that gets no answer, it doesn't notice that ssh has gone. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined || process.platform === "win32") return
  try {
    process.kill(-leader)
  } catch {
    // Nothing is left of it.
  }
}

/** What to throw when there is no `ssh`, or it can't be started. */
export function cannotStart(cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause) || cause.code === "ABORT_ERR") return cause
  const state = cause.code === "ENOENT" ? "it is not installed, or not on the PATH" : cause.message
  return new DatamaestroError("SSH_CONFIGURATION", `Cannot start the system's ssh: ${state}`, {
    hint: limitHintHere(cause) ?? "install OpenSSH's client, or leave --transport openssh out to use the built-in one",
    cause,
  })
}
