import { isAbsolute, join, resolve } from "node:path"
import { expandHome } from "./expand-home.ts"
import { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import type { SshConfigLine } from "./ssh-config-lines.ts"
import { flag, integer, seconds, unusable } from "./ssh-config-values.ts"
import { connectionTokens } from "./ssh-connection-tokens.ts"
import { parseSshDestination } from "./ssh-destination.ts"
import { matchesPattern, matchesPatternList } from "./ssh-pattern.ts"
import type { AuthenticationMethod, SshSettings } from "./ssh-settings.ts"
import { currentSurroundings, type SshSurroundings } from "./ssh-surroundings.ts"
import type { SshTarget } from "./ssh-target.ts"
import { expandEnvironment, expandTokens } from "./ssh-tokens.ts"
import { beyondInConfiguration, unhonoured } from "./ssh-unhonoured-options.ts"

/** OpenSSH's, without those that only hardware can use: these come through the agent. */
const DEFAULT_IDENTITIES = ["id_rsa", "id_ecdsa", "id_ed25519"]

/**
 * Reads the configuration that holds for a target, by the rules of ssh_config(5): what the command line says, then
 * `-F` or the user's file and the system's; the first value of each directive.
 *
 * @throws DatamaestroError SSH_CONFIGURATION; USAGE where the mistake is one of the command line
 */
export function resolveSshSettings(
  target: SshTarget,
  surroundings: SshSurroundings = currentSurroundings(),
): SshSettings {
  const destination = parseSshDestination(target.destination)
  const { home, environment } = surroundings
  const context = { originalHost: destination.host, localUser: surroundings.localUser, home }
  const config = new SshConfigEvaluation(context)
  const userFolder = join(home, ".ssh")

  for (const option of target.options) config.readOption(option)
  for (const file of target.identityFiles) config.set("identityfile", file, "-i")
  // The destination's own user and port were typed, too, but after any -o.
  if (destination.user !== undefined) config.set("user", destination.user, target.destination)
  if (destination.port !== undefined) config.set("port", String(destination.port), target.destination)
  const readFiles = (): void => {
    if (target.configFile === undefined) {
      config.readFile(join(userFolder, "config"), userFolder, false)
      config.readFile(join(surroundings.systemFolder, "ssh_config"), surroundings.systemFolder, false)
    } else if (target.configFile !== "none") {
      config.readFile(target.configFile, userFolder, true)
    }
  }
  readFiles()
  const hostName = resolveHostName(config, destination.host)
  if (config.wantsFinalPass) {
    config.beginFinalPass(hostName)
    readFiles()
  }

  const value = (keyword: string): string | undefined => config.first(keyword)?.values[0]
  const port = integer(config, "port", 22, 1, 65535)
  const user = value("user") ?? surroundings.localUser
  const hostKeyAlias = value("hostkeyalias")
  const tokens = connectionTokens({
    home,
    localUser: surroundings.localUser,
    originalHost: destination.host,
    hostName,
    port: String(port),
    user,
    hostKeyAlias,
  })
  const jump = proxyJump(config, tokens)
  const path = (text: string): string => {
    const expanded = expandTokens(expandEnvironment(expandHome(text, home), environment), tokens)
    return isAbsolute(expanded) ? expanded : resolve(expanded)
  }
  const files = (keyword: string, defaults: readonly string[]): string[] => {
    const given = config.first(keyword)?.values ?? defaults
    return given.filter((file) => file.toLowerCase() !== "none").map(path)
  }

  const named = config.all("identityfile").map((line) => line.values[0] ?? "")
  const identities = named.length === 0 ? DEFAULT_IDENTITIES.map((name) => join("~/.ssh", name)) : named
  const agent = identityAgent(value("identityagent"), environment, path)
  const aliveInterval = seconds(config, "serveraliveinterval", 5)
  return {
    label: target.destination,
    originalHost: destination.host,
    hostName,
    port,
    user,
    identityFiles: [...new Set(identities.filter((file) => file.toLowerCase() !== "none").map(path))],
    identityFilesNamed: named.length > 0,
    identitiesOnly: flag(config, "identitiesonly", false),
    identityAgent: agent,
    forwardAgent: forwardedAgent(config, agent, environment, path),
    userKnownHostsFiles: files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
    globalKnownHostsFiles: files("globalknownhostsfile", [
      join(surroundings.systemFolder, "ssh_known_hosts"),
      join(surroundings.systemFolder, "ssh_known_hosts2"),
    ]),
    hostKeyAlias,
    strictHostKeyChecking: strictHostKeyChecking(config),
    hashKnownHosts: flag(config, "hashknownhosts", false),
    connectTimeout: seconds(config, "connecttimeout", 20) * 1000 || 20_000,
    connectionAttempts: integer(config, "connectionattempts", 1, 1, 1000),
    keepaliveInterval: aliveInterval * 1000,
    keepaliveCount: Math.max(1, integer(config, "serveralivecountmax", 3, 0, 10_000)),
    authenticationMethods: authenticationMethods(config),
    passwordPrompts: integer(config, "numberofpasswordprompts", 3, 1, 3),
    batchMode: flag(config, "batchmode", false),
    addressFamily: addressFamily(config),
    bindAddress: value("bindaddress"),
    // Whichever of the two comes first in the configuration wins.
    proxyCommand: jump.length > 0 ? undefined : proxyCommand(config, tokens),
    proxyJump: jump,
    algorithms: {
      kex: value("kexalgorithms"),
      cipher: value("ciphers"),
      mac: value("macs"),
      hostKey: value("hostkeyalgorithms"),
    },
    compression: flag(config, "compression", false),
    environment: sentEnvironment(config, environment),
    warnings: unhonoured(config),
    beyond: beyondInConfiguration(config, surroundings),
  }
}

function resolveHostName(config: SshConfigEvaluation, typed: string): string {
  const given = config.first("hostname")?.values[0]
  return (given === undefined ? typed : expandTokens(given, { h: typed, n: typed })).toLowerCase()
}

function identityAgent(
  given: string | undefined,
  environment: SshSurroundings["environment"],
  path: (text: string) => string,
): string | undefined {
  if (given === undefined || given === "SSH_AUTH_SOCK") return environment["SSH_AUTH_SOCK"] || undefined
  if (given.toLowerCase() === "none") return undefined
  const variable = /^\$([A-Za-z_]\w*)$/.exec(given)?.[1]
  if (variable !== undefined) return environment[variable] || undefined
  return path(given)
}

/** `ForwardAgent` is yes, no, or the socket of another agent than the one that logs in. */
function forwardedAgent(
  config: SshConfigEvaluation,
  agent: string | undefined,
  environment: SshSurroundings["environment"],
  path: (text: string) => string,
): string | undefined {
  const given = config.first("forwardagent")?.values[0]
  if (given === undefined || /^(no|false)$/i.test(given)) return undefined
  return /^(yes|true)$/i.test(given) ? agent : identityAgent(given, environment, path)
}

function proxyJump(
  config: SshConfigEvaluation,
  { h = "", n = "", p = "", r = "" }: Readonly<Record<string, string>>,
): string[] {
  const jump = config.first("proxyjump")
  const command = config.first("proxycommand")
  const given = jump?.values[0]
  if (jump === undefined || given === undefined || given.toLowerCase() === "none") return []
  if (command !== undefined && isBefore(config, command, jump)) return []
  const hops = given.split(",").map((hop) => expandTokens(hop, { h, n, p, r }))
  for (const hop of hops) parseSshDestination(hop)
  return hops
}

function isBefore(config: SshConfigEvaluation, one: SshConfigLine, other: SshConfigLine): boolean {
  for (const keyword of config.keywords()) {
    if (keyword === one.keyword) return true
    if (keyword === other.keyword) return false
  }
  return false
}

function proxyCommand(config: SshConfigEvaluation, tokens: Readonly<Record<string, string>>): string | undefined {
  const line = config.first("proxycommand")
  if (line === undefined || line.raw.toLowerCase() === "none") return undefined
  const { h = "", k = "", n = "", p = "", r = "" } = tokens
  return expandTokens(line.raw, { h, k, n, p, r })
}

function authenticationMethods(config: SshConfigEvaluation): AuthenticationMethod[] {
  const preferred = config.first("preferredauthentications")?.values[0]?.split(",")
  const wanted: Record<AuthenticationMethod, boolean> = {
    publickey: flag(config, "pubkeyauthentication", true),
    "keyboard-interactive": flag(config, "kbdinteractiveauthentication", true),
    password: flag(config, "passwordauthentication", true),
  }
  const all = Object.keys(wanted) as AuthenticationMethod[]
  const ordered = preferred === undefined ? all : preferred.flatMap((name) => all.filter((method) => method === name))
  return ordered.filter((method) => wanted[method])
}

function strictHostKeyChecking(config: SshConfigEvaluation): SshSettings["strictHostKeyChecking"] {
  const line = config.first("stricthostkeychecking")
  const given = line?.values[0]?.toLowerCase()
  if (given === undefined || given === "ask") return "ask"
  if (given === "yes" || given === "true") return "yes"
  if (given === "accept-new") return "accept-new"
  if (given === "no" || given === "false" || given === "off") return "no"
  throw unusable(line, "yes, no, ask, accept-new or off")
}

function addressFamily(config: SshConfigEvaluation): 0 | 4 | 6 {
  const line = config.first("addressfamily")
  const given = line?.values[0]?.toLowerCase() ?? "any"
  if (given === "any") return 0
  if (given === "inet") return 4
  if (given === "inet6") return 6
  throw unusable(line, "any, inet or inet6")
}

function sentEnvironment(
  config: SshConfigEvaluation,
  environment: SshSurroundings["environment"],
): Record<string, string> {
  const sent: Record<string, string> = {}
  const patterns = config.all("sendenv").flatMap((line) => line.values)
  const refused = patterns.filter((pattern) => pattern.startsWith("-")).map((pattern) => pattern.slice(1))
  const wanted = patterns.filter((pattern) => !pattern.startsWith("-"))
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || refused.some((pattern) => matchesPattern(name, pattern))) continue
    if (matchesPatternList(name, wanted)) sent[name] = value
  }
  const own = new Map<string, string>()
  const line = config.first("setenv")
  for (const pair of line?.values ?? []) {
    const equals = pair.indexOf("=")
    if (equals <= 0) throw unusable(line, "NAME=VALUE")
    const name = pair.slice(0, equals)
    if (!own.has(name)) own.set(name, pair.slice(equals + 1))
  }
  Object.assign(sent, Object.fromEntries(own))
  return sent
}
