import type { RekeyLimit } from "./ssh-rekey-limit.ts"

/** Everything that decides how one host is reached, after all configuration has been read. */
export interface SshSettings {
  /** As typed. */
  label: string
  /** The host as typed, without user and port. */
  originalHost: string
  /** What to connect to. */
  hostName: string
  port: number
  user: string
  /** Absolute paths, in the order in which they are to be tried. */
  identityFiles: readonly string[]
  /** Whether anyone named them; the usual names in `~/.ssh` may be missing without a word. */
  identityFilesNamed: boolean
  /** Use no other keys of the agent than those of `identityFiles`. */
  identitiesOnly: boolean
  /** The agent's socket. */
  identityAgent: string | undefined
  /** The socket of the agent that programs there may use; absent: none, as by default. */
  forwardAgent: string | undefined
  userKnownHostsFiles: readonly string[]
  globalKnownHostsFiles: readonly string[]
  hostKeyAlias: string | undefined
  strictHostKeyChecking: "yes" | "ask" | "accept-new" | "no"
  hashKnownHosts: boolean
  /** By which digest messages name a host's key: `sha256`, `md5`… */
  fingerprintHash: string
  /** A host whose key no file has may prove it by a name server. */
  verifyHostKeyDns: boolean
  /** RSA keys of fewer bits are used on neither side. */
  requiredRsaSize: number
  /** Milliseconds until the server must have answered. */
  connectTimeout: number
  connectionAttempts: number
  /** Milliseconds between signs of life; 0: none are asked for. */
  keepaliveInterval: number
  keepaliveCount: number
  /** Whether the system asks for signs of life, too. */
  tcpKeepAlive: boolean
  rekeyLimit: RekeyLimit
  /** In the order in which they are to be tried. */
  authenticationMethods: readonly AuthenticationMethod[]
  /** How often a password may be asked for. */
  passwordPrompts: number
  /** Ask nothing. */
  batchMode: boolean
  addressFamily: 0 | 4 | 6
  bindAddress: string | undefined
  proxyCommand: string | undefined
  /** Destinations to go through, the nearest first. */
  proxyJump: readonly string[]
  algorithms: AlgorithmPreferences
  compression: boolean
  /** Variables that SendEnv and SetEnv name. */
  environment: Readonly<Record<string, string>>
  /** Whether what happens on the way is told; errors always are. */
  tellsNotices: boolean
  /** What was asked for and can't be honoured, and what commands of the configuration complained of, each to be told once. */
  warnings: readonly string[]
  /** Where a connection of the person's own listens, which `ssh` would use (ControlPath). */
  controlPath: string | undefined
  /** What of the configuration only OpenSSH's own client can do: each directive with its place. */
  beyond: readonly string[]
}

/** Who and where: `user@host:port`. */
export function sshAddress({ user, hostName, port }: Pick<SshSettings, "user" | "hostName" | "port">): string {
  return `${user}@${hostName.includes(":") ? `[${hostName}]` : hostName}:${port}`
}

export type AuthenticationMethod = "publickey" | "keyboard-interactive" | "password"

/** Lists as ssh_config writes them: plain, or changing the default by a leading `+`, `-` or `^`. */
export interface AlgorithmPreferences {
  kex?: string | undefined
  cipher?: string | undefined
  mac?: string | undefined
  hostKey?: string | undefined
  /** Of the person's own keys. */
  publicKey?: string | undefined
}
