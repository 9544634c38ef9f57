import { join } from "node:path"
import { SshConfigEvaluation } from "./ssh-config-evaluation.ts"
import { pathReader, paths, type PathReader } from "./ssh-config-paths.ts"
import { flag, integer, seconds, unusable } from "./ssh-config-values.ts"
import { connectionTokens } from "./ssh-connection-tokens.ts"
import { parseSshDestination, type SshDestination } from "./ssh-destination.ts"
import { sshIdentitySettings } from "./ssh-identity-settings.ts"
import { sshProxySettings } from "./ssh-proxy-settings.ts"
import { rekeyLimit } from "./ssh-rekey-limit.ts"
import { sentEnvironment } from "./ssh-sent-environment.ts"
import type { AuthenticationMethod, SshSettings } from "./ssh-settings.ts"
import { currentSurroundings, type SshSurroundings } from "./ssh-surroundings.ts"
import type { SshTarget } from "./ssh-target.ts"
import { expandTokens } from "./ssh-tokens.ts"
import { beyondInConfiguration, unhonoured } from "./ssh-unhonoured-options.ts"

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
  const { config, hostName } = readConfiguration(target, destination, surroundings)
  const port = integer(config, "port", 22, 1, 65535)
  const user = config.value("user") ?? surroundings.localUser
  const hostKeyAlias = config.value("hostkeyalias")
  const facts = {
    home: surroundings.home,
    localUser: surroundings.localUser,
    originalHost: destination.host,
    hostName,
    port: String(port),
    user,
    hostKeyAlias,
  }
  const proxy = sshProxySettings(config, connectionTokens(facts))
  const tokens = connectionTokens({ ...facts, jump: proxy.proxyJump.at(-1) })
  const path = pathReader(surroundings, tokens)
  // As with ssh -q.
  const tellsNotices = !/^(quiet|fatal|error)$/i.test(config.value("loglevel") ?? "")
  return {
    label: target.destination,
    originalHost: destination.host,
    hostName,
    port,
    user,
    hostKeyAlias,
    ...proxy,
    ...sshIdentitySettings(config, surroundings, path),
    ...hostKeyChecking(config, surroundings, path),
    ...connecting(config),
    ...authentication(config),
    algorithms: {
      kex: config.value("kexalgorithms"),
      cipher: config.value("ciphers"),
      mac: config.value("macs"),
      hostKey: config.value("hostkeyalgorithms"),
      publicKey: config.value("pubkeyacceptedalgorithms"),
    },
    compression: flag(config, "compression", false),
    environment: sentEnvironment(config, surroundings.environment),
    tellsNotices,
    controlPath: paths((config.first("controlpath")?.values ?? []).slice(0, 1), path)[0],
    warnings: [...(tellsNotices ? unhonoured(config) : []), ...config.said],
    beyond: beyondInConfiguration(config, surroundings),
  }
}

/** What the command line says, then the files; a second time where `Match final` or the like wants that. */
function readConfiguration(
  target: SshTarget,
  destination: SshDestination,
  { home, localUser, systemFolder }: SshSurroundings,
): { config: SshConfigEvaluation; hostName: string } {
  const config = new SshConfigEvaluation({ originalHost: destination.host, localUser, home })
  for (const option of target.options) config.readOption(option)
  for (const file of target.identityFiles) config.set("identityfile", file, "-i")
  // The destination's own user and port were typed, too, but after any -o.
  if (destination.user !== undefined) config.set("user", destination.user, target.destination)
  if (destination.port !== undefined) config.set("port", String(destination.port), target.destination)
  const userFolder = join(home, ".ssh")
  const readFiles = (): void => {
    if (target.configFile === undefined) {
      config.readFile(join(userFolder, "config"), userFolder, false)
      config.readFile(join(systemFolder, "ssh_config"), systemFolder, false)
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
  return { config, hostName }
}

function hostKeyChecking(
  config: SshConfigEvaluation,
  { systemFolder }: SshSurroundings,
  path: PathReader,
): Pick<
  SshSettings,
  | "userKnownHostsFiles"
  | "globalKnownHostsFiles"
  | "strictHostKeyChecking"
  | "hashKnownHosts"
  | "fingerprintHash"
  | "verifyHostKeyDns"
  | "requiredRsaSize"
> {
  const files = (keyword: string, defaults: readonly string[]): string[] =>
    paths(config.first(keyword)?.values ?? defaults, path)
  return {
    userKnownHostsFiles: files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
    globalKnownHostsFiles: files("globalknownhostsfile", [
      join(systemFolder, "ssh_known_hosts"),
      join(systemFolder, "ssh_known_hosts2"),
    ]),
    strictHostKeyChecking: strictHostKeyChecking(config),
    hashKnownHosts: flag(config, "hashknownhosts", false),
    fingerprintHash: fingerprintHash(config),
    verifyHostKeyDns: /^(yes|true|ask)$/i.test(config.value("verifyhostkeydns") ?? ""),
    requiredRsaSize: integer(config, "requiredrsasize", 1024, 0, 1_000_000),
  }
}

/** How a connection is made, and how it is noticed that it is gone. */
function connecting(
  config: SshConfigEvaluation,
): Pick<
  SshSettings,
  | "connectTimeout"
  | "connectionAttempts"
  | "keepaliveInterval"
  | "keepaliveCount"
  | "tcpKeepAlive"
  | "rekeyLimit"
  | "addressFamily"
  | "bindAddress"
> {
  return {
    connectTimeout: seconds(config, "connecttimeout", 20) * 1000 || 20_000,
    connectionAttempts: integer(config, "connectionattempts", 1, 1, 1000),
    keepaliveInterval: seconds(config, "serveraliveinterval", 5) * 1000,
    keepaliveCount: Math.max(1, integer(config, "serveralivecountmax", 3, 0, 10_000)),
    tcpKeepAlive: flag(config, "tcpkeepalive", true),
    rekeyLimit: rekeyLimit(config),
    addressFamily: addressFamily(config),
    bindAddress: config.value("bindaddress"),
  }
}

function authentication(
  config: SshConfigEvaluation,
): Pick<SshSettings, "authenticationMethods" | "passwordPrompts" | "batchMode"> {
  return {
    authenticationMethods: authenticationMethods(config),
    passwordPrompts: integer(config, "numberofpasswordprompts", 3, 1, 3),
    batchMode: flag(config, "batchmode", false),
  }
}

function resolveHostName(config: SshConfigEvaluation, typed: string): string {
  const given = config.value("hostname")
  return (given === undefined ? typed : expandTokens(given, { h: typed, n: typed })).toLowerCase()
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

function fingerprintHash(config: SshConfigEvaluation): string {
  const line = config.first("fingerprinthash")
  const given = line?.values[0]?.toLowerCase() ?? "sha256"
  if (/^(md5|sha1|sha256|sha384|sha512)$/.test(given)) return given
  throw unusable(line, "sha256 or md5")
}

function addressFamily(config: SshConfigEvaluation): 0 | 4 | 6 {
  const line = config.first("addressfamily")
  const given = line?.values[0]?.toLowerCase() ?? "any"
  if (given === "any") return 0
  if (given === "inet") return 4
  if (given === "inet6") return 6
  throw unusable(line, "any, inet or inet6")
}
